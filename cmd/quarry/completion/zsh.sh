#compdef quarry
# zsh completion for quarry
_quarry() {
    local -a words
    local current="${(Q)${(z)BUFFER}[CURRENT]}"
    local -a command=("${(@)${(z)BUFFER}[1,CURRENT-1]}")
    if [[ "$current" == -* ]]; then
        words=("${(@f)$("${command[@]}" "$current" --generate-bash-completion 2>/dev/null)}")
    else
        words=("${(@f)$("${command[@]}" --generate-bash-completion 2>/dev/null)}")
    fi
    if [[ -n "${words[1]}" ]]; then
        _describe 'quarry' words
    else
        _files
    fi
}
if [ "$funcstack[1]" = "_quarry" ]; then
    _quarry "$@"
else
    compdef _quarry quarry
fi

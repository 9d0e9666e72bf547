#compdef quarry
# zsh completion for quarry
_quarry() {
    local -a found
    local line word about
    for line in "${(@f)$("${words[1]}" complete-words "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        word="${line%%$'\t'*}"
        about="${line#*$'\t'}"
        [[ -n "$word" ]] && found+=("${word//:/\\:}${about:+:$about}")
    done
    if (( ${#found} )); then
        _describe 'quarry' found
    else
        _files
    fi
}
if [ "$funcstack[1]" = "_quarry" ]; then
    _quarry "$@"
else
    compdef _quarry quarry
fi

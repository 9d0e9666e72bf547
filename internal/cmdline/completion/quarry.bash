# bash completion for quarry
_quarry() {
    local current="${COMP_WORDS[COMP_CWORD]}" line
    local -a words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=()
    while IFS=$'\t' read -r line _; do
        COMPREPLY+=("$line")
    done < <("${COMP_WORDS[0]}" complete-words "${words[@]}" 2>/dev/null)
}
complete -o bashdefault -o default -F _quarry quarry

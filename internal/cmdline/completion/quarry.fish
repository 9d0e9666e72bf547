# fish completion for quarry
function __quarry_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] complete-words $words[2..-1] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c quarry -f -a '(__quarry_complete)'

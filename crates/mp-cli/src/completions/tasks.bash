
# The names of tasks, asked of the program itself; all else as above.
_PROGRAM_or_task() {
    _PROGRAM "$@"
    [[ $2 == -* ]] && return
    local command="" at word
    for ((at = 1; at < COMP_CWORD; at++)); do
        word="${COMP_WORDS[at]}"
        case "$word" in
            VALUED)
                ((at++))
                [[ ${COMP_WORDS[at]} == "=" ]] && ((at++))
                ;;
            -*) ;;
            *)
                [[ -n $command ]] && return
                command="$word"
                ;;
        esac
    done
    ((at > COMP_CWORD)) && return
    case "$command" in
        COMMANDS) ;;
        *) return ;;
    esac
    local line module=""
    [[ $2 == *.* ]] && module="${2%.*}."
    COMPREPLY=()
    while IFS= read -r line; do
        line="${line%%(*}"
        line="${line//::/.}"
        [[ -n $module ]] && line="$module${line##*.}"
        [[ $line == "$2"* ]] && COMPREPLY+=("$line")
    done < <("$1" tasks --format lines -- "$module" 2>/dev/null)
}
complete -F _PROGRAM_or_task -o nosort -o bashdefault -o default PROGRAM

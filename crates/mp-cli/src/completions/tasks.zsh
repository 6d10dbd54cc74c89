# The names of tasks, asked of the program itself.
_PROGRAM_task() {
    local module="" line name
    local -a tasks
    [[ $PREFIX == *.* ]] && module="${PREFIX%.*}."
    for line in ${(f)"$(_call_program tasks PROGRAM tasks --format lines -- ${(q)module} 2>/dev/null)"}; do
        name="${${line%%\(*}//::/.}"
        [[ -n $module ]] && name="$module${name##*.}"
        tasks+=("$name:$line")
    done
    _describe -t tasks task tasks
}


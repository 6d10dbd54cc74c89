
# The names of tasks, asked of the program itself.
function __fish_PROGRAM_needs_task
    set -l words (commandline -opc)
    set -e words[1]
    set -l command
    set -l skip 0
    for word in $words
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case VALUED
                set skip 1
            case '-*'
            case '*'
                test -n "$command"
                and return 1
                set command $word
        end
    end
    test $skip = 0
    and contains -- "$command" COMMANDS
end

function __fish_PROGRAM_tasks
    set -l module (string match -r '^.*\.' -- (commandline -ct))
    for line in (PROGRAM tasks --format lines -- "$module" 2>/dev/null)
        set -l name (string replace -r '\(.*' '' -- $line | string replace -a '::' '.')
        test -n "$module"
        and set name $module(string replace -r '^.*\.' '' -- $name)
        printf '%s\t%s\n' $name $line
    end
end

complete -c PROGRAM -n __fish_PROGRAM_needs_task -f -a '(__fish_PROGRAM_tasks)'

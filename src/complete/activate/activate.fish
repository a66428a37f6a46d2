# Puts this environment first in a fish session, from wherever it lies:
#     source PATH/bin/activate.fish
# and `deactivate` takes it out again. Nothing in the environment needs this.

set -l _envship_place (status --current-filename)
if test -f "$_envship_place"
    # A `cd` of fish itself would move the session.
    set _envship_place (/bin/sh -c 'CDPATH="" cd -- "$(dirname -- "$1")/.." && pwd' sh "$_envship_place")
else
    set _envship_place ''
end
if test -z "$_envship_place"
    echo 'activate.fish: only `source FILE` tells where it is; start bin/python directly' >&2
    return 1
end

if set -q _ENVSHIP_PUT
    deactivate
end

# As conda does it; its scripts read CONDA_PREFIX.
function _envship_source
    set -lx CONDA_PREFIX $@PREFIX@
    for _envship_hook in "$@PREFIX@"/etc/conda/$argv[1]/*.fish
        if test -r "$_envship_hook"
            source "$_envship_hook"
        end
    end
end

# NAME VALUE: sets it, and remembers what it was.
function _envship_put
    set -l _envship_name $argv[1]
    if not contains -- $argv[1] $_ENVSHIP_PUT
        set -ga _ENVSHIP_PUT $argv[1]
        # What is set for all sessions comes back by itself.
        if set -qg $argv[1]
            set -g _ENVSHIP_WAS_$argv[1] $$_envship_name
            set -qgx $argv[1]; or set -ga _ENVSHIP_UNEXPORTED $argv[1]
        end
    end
    set -gx $argv[1] $argv[2]
end

# NAME VALUE: sets what the user has not set.
function _envship_fill
    set -q $argv[1]; or _envship_put $argv
end

# NAME SEPARATOR ALONE BEFORE AFTER: joins it with what is set.
function _envship_join
    set -l _envship_name $argv[1]
    set -l _envship_old "$$_envship_name"
    if test -z "$_envship_old"
        _envship_put $argv[1] $argv[3]
    else if test $argv[2] = :
        _envship_put $argv[1] (string join : -- (string split -n : -- $argv[4]) $_envship_old (string split -n : -- $argv[5]))
    else
        _envship_put $argv[1] "$argv[4]$_envship_old$argv[5]"
    end
end

# NAME or NAME+=ITEMS...: what a Python of another environment will take out again.
function _envship_mark
    set -l _envship_records
    for _envship_name in $argv
        if string match -q -- '*+=*' $_envship_name
            set -a _envship_records $_envship_name
        else if contains -- $_envship_name $_ENVSHIP_PUT
            set -a _envship_records "$_envship_name=$$_envship_name"
        end
    end
    _envship_put ENVSHIP_ACTIVE_SET (string join \x1f -- $_envship_records)
    _envship_put ENVSHIP_ACTIVE $@PREFIX@
end

function deactivate
    _envship_source deactivate.d
    for _envship_name in $_ENVSHIP_PUT
        set -l _envship_was _ENVSHIP_WAS_$_envship_name
        if not set -q $_envship_was
            set -eg $_envship_name
        else if contains -- $_envship_name $_ENVSHIP_UNEXPORTED
            set -gu $_envship_name $$_envship_was
        else
            set -gx $_envship_name $$_envship_was
        end
        set -eg $_envship_was
    end
    if set -q _ENVSHIP_PYTHONHOME
        set -gx PYTHONHOME $_ENVSHIP_PYTHONHOME
    end
    if functions -q _envship_prompt
        functions -e fish_prompt
        functions -c _envship_prompt fish_prompt
    end
    for _envship_name in _ENVSHIP_PUT _ENVSHIP_UNEXPORTED _ENVSHIP_PYTHONHOME
        set -eg $_envship_name
    end
    functions -e deactivate _envship_source _envship_put _envship_fill _envship_join _envship_mark
    functions -e _envship_prompt _envship_return
end

set -g _ENVSHIP_PUT
_envship_put @PREFIX@ $_envship_place
if set -qgx PYTHONHOME
    set -g _ENVSHIP_PYTHONHOME $PYTHONHOME
    set -eg PYTHONHOME
end
if status is-interactive; and functions -q fish_prompt; and test -z "$VIRTUAL_ENV_DISABLE_PROMPT"
    functions -c fish_prompt _envship_prompt
    function _envship_return
        return $argv[1]
    end
    function fish_prompt
        set -l _envship_status $status
        printf '(%s) ' (string replace -r '.*/' '' -- $@PREFIX@)
        # The user's may show it.
        _envship_return $_envship_status
        _envship_prompt
    end
end
@STEPS@_envship_source activate.d
@MARK@

# Puts this environment first in a bash or zsh session, from wherever it lies:
#     source PATH/bin/activate
# and `deactivate` takes it out again. Nothing in the environment needs this.

if [ -n "${BASH_VERSION:-}" ]; then
    _envship_script=$BASH_SOURCE
elif [ -n "${ZSH_VERSION:-}" ]; then
    eval '_envship_script=${(%):-%x}'
else
    _envship_script=
fi
case $_envship_script in
    */*) _envship_script=${_envship_script%/*} ;;
    ?*) _envship_script=. ;;
esac
if [ -z "$_envship_script" ]; then
    echo 'activate: only bash and zsh tell a script where it is; start bin/python directly' >&2
    unset _envship_script
    return 1 2>/dev/null || exit 1
fi

if [ -n "${_ENVSHIP_PUT+x}" ]; then
    deactivate
fi

# As conda does it; its scripts read CONDA_PREFIX.
_envship_source() {
    if [ -n "${ZSH_VERSION:-}" ]; then
        setopt localoptions nullglob
    fi
    for _envship_hook in "$@PREFIX@/etc/conda/$1"/*.sh; do
        if [ -r "$_envship_hook" ]; then
            . "$_envship_hook"
        fi
    done
    unset _envship_hook
}

# NAME VALUE: sets it, and remembers what it was.
_envship_put() {
    if eval "[ -n \"\${$1+x}\" ]"; then
        eval "_ENVSHIP_WAS_$1=\$$1"
    fi
    export "$1=$2"
    _ENVSHIP_PUT="$_ENVSHIP_PUT $1"
}

# NAME VALUE: sets what neither the user nor a script has set.
_envship_fill() {
    if eval "[ -z \"\${$1+x}\" ]"; then
        _envship_put "$1" "$2"
    fi
}

# NAME ALONE BEFORE AFTER: joins it with what is set, with colons.
_envship_join() {
    if eval "[ -z \"\${$1:-}\" ]"; then
        _envship_put "$1" "$2"
    else
        eval "_envship_put $1 \"\${3:+\$3:}\$$1\${4:+:\$4}\""
    fi
}

# NAME or NAME+=ITEMS...: what a Python of another environment will take out again.
_envship_mark() {
    _envship_set=
    for _envship_name in "$@"; do
        case $_envship_name in
            *=*) _envship_value=${_envship_name#*=} ;;
            *)
                eval "_envship_value=\${$_envship_name-}"
                case "$_ENVSHIP_PUT =$_envship_value/" in
                    *" $_envship_name "* | *=*"$@PREFIX@/"*) _envship_name=$_envship_name= ;;
                    # The user's own.
                    *) continue ;;
                esac
                ;;
        esac
        _envship_set=$_envship_set${_envship_name%%=*}=$_envship_value$(printf '\037')
    done
    _envship_put ENVSHIP_ACTIVE_SET "${_envship_set%?}"
    _envship_put ENVSHIP_ACTIVE "$@PREFIX@"
    unset _envship_set _envship_name _envship_value
}

deactivate() {
    CONDA_PREFIX=$@PREFIX@ _envship_source deactivate.d
    eval "set -- $_ENVSHIP_PUT"
    while [ $# -gt 0 ]; do
        if eval "[ -n \"\${_ENVSHIP_WAS_$1+x}\" ]"; then
            eval "$1=\$_ENVSHIP_WAS_$1"
            unset "_ENVSHIP_WAS_$1"
        else
            unset "$1"
        fi
        shift
    done
    if [ -n "${_ENVSHIP_PS1+x}" ]; then
        PS1=$_ENVSHIP_PS1
    fi
    if [ -n "${_ENVSHIP_PYTHONHOME+x}" ]; then
        PYTHONHOME=$_ENVSHIP_PYTHONHOME
        export PYTHONHOME
    fi
    unset _ENVSHIP_PUT _ENVSHIP_PS1 _ENVSHIP_PYTHONHOME
    unset -f deactivate _envship_source _envship_put _envship_fill _envship_join _envship_mark
    hash -r 2>/dev/null || true
}

_ENVSHIP_PUT=
_envship_put @PREFIX@ "$(CDPATH='' cd -- "$_envship_script/.." && pwd)"
unset _envship_script
_envship_put PATH @PATH@":$PATH"
if [ -n "${PS1+x}" ]; then
    _ENVSHIP_PS1=$PS1
    PS1="(${@PREFIX@##*/}) $PS1"
fi
if [ -n "${PYTHONHOME+x}" ]; then
    _ENVSHIP_PYTHONHOME=$PYTHONHOME
    unset PYTHONHOME
fi
@PUT@CONDA_PREFIX=$@PREFIX@ _envship_source activate.d
@FILL@hash -r 2>/dev/null || true

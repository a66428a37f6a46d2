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

if [ -n "${_ENVSHIP_PATH+x}" ]; then
    deactivate
fi

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

deactivate() {
    _envship_source deactivate.d
    PATH=$_ENVSHIP_PATH
    export PATH
    if [ -n "${_ENVSHIP_PS1+x}" ]; then
        PS1=$_ENVSHIP_PS1
    fi
    if [ -n "${_ENVSHIP_PYTHONHOME+x}" ]; then
        PYTHONHOME=$_ENVSHIP_PYTHONHOME
        export PYTHONHOME
    fi
    unset @PREFIX@ @UNSET@_ENVSHIP_PATH _ENVSHIP_PS1 _ENVSHIP_PYTHONHOME
    unset -f deactivate _envship_source
    hash -r 2>/dev/null || true
}

@PREFIX@=$(CDPATH='' cd -- "$_envship_script/.." && pwd)
export @PREFIX@
unset _envship_script
_ENVSHIP_PATH=$PATH
PATH="$@PREFIX@/bin:$PATH"
export PATH
if [ -n "${PS1+x}" ]; then
    _ENVSHIP_PS1=$PS1
    PS1="(${@PREFIX@##*/}) $PS1"
fi
if [ -n "${PYTHONHOME+x}" ]; then
    _ENVSHIP_PYTHONHOME=$PYTHONHOME
    unset PYTHONHOME
fi
@EXPORT@_envship_source activate.d
hash -r 2>/dev/null || true

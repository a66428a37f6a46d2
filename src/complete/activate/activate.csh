# Puts this environment first in a csh or tcsh session, from wherever it lies:
#     source PATH/bin/activate.csh
# and `deactivate` takes it out again. Nothing in the environment needs this.

# A csh tells no script where it is, but has it open while it reads it.
set _envship_place = "`readlink /proc/$$/fd/* | sed -n 's|/bin/activate[.]csh||p'`"
if ($#_envship_place > 0) then
    # The last is the innermost, if one sources another.
    set _envship_place = "$_envship_place[$#_envship_place]:q"
else
    set _envship_place = ""
endif
if (! -r "$_envship_place:q/bin/activate.csh") then
    /bin/sh -c 'echo "activate.csh: a csh knows where a script is only if /proc tells which files it has open; start bin/python directly" >&2'
    unset _envship_place
else

if ($?_ENVSHIP_PLACE) then
    source "$_ENVSHIP_PLACE:q/bin/deactivate.csh"
endif
set _ENVSHIP_PLACE = "$_envship_place:q"
unset _envship_place
alias deactivate 'source "$_ENVSHIP_PLACE:q/bin/deactivate.csh"'

if ($?PYTHONHOME) then
    set _ENVSHIP_PYTHONHOME = "$PYTHONHOME:q"
    unsetenv PYTHONHOME
endif
if ($?prompt && ! $?VIRTUAL_ENV_DISABLE_PROMPT) then
    set _ENVSHIP_PROMPT = "$prompt:q"
    set prompt = "(${_ENVSHIP_PLACE:t:q}) $prompt:q"
endif
@STEPS@
@SOURCE@
@MARK@
unset _envship_mark _envship_separator
rehash
endif

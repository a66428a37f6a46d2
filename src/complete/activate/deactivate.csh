# Takes the environment out of the session again; `activate.csh` makes an alias of it.

if ($?_ENVSHIP_PLACE) then
@SOURCE@
@STEPS@
if ($?_ENVSHIP_PYTHONHOME) then
    setenv PYTHONHOME "$_ENVSHIP_PYTHONHOME:q"
    unset _ENVSHIP_PYTHONHOME
endif
if ($?_ENVSHIP_PROMPT) then
    set prompt = "$_ENVSHIP_PROMPT:q"
    unset _ENVSHIP_PROMPT
endif
unalias deactivate
unset _ENVSHIP_PLACE
rehash
endif

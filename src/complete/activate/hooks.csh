# As conda does it; its scripts read CONDA_PREFIX.
set _envship_conda = ""
if ($?CONDA_PREFIX) then
    set _envship_conda = "$CONDA_PREFIX:q"
endif
setenv CONDA_PREFIX "$_ENVSHIP_PLACE:q"
set _envship_nonomatch = $?nonomatch
set nonomatch
foreach _envship_hook ("${_ENVSHIP_PLACE:q}"/etc/conda/@FOLDER@/*.csh)
    if (-r "$_envship_hook:q") then
        source "$_envship_hook:q"
    endif
end
if (! $_envship_nonomatch) then
    unset nonomatch
endif
if ("x$_envship_conda:q" == "x") then
    unsetenv CONDA_PREFIX
else
    setenv CONDA_PREFIX "$_envship_conda:q"
endif
unset _envship_conda _envship_nonomatch _envship_hook

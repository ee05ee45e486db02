@echo off
rem The mesh command on Windows: builds, then runs the program. See: mesh --help
setlocal
set "root=%~dp0"
set "program=%root%artifacts\publish\SecureMesh.Cli\SecureMesh.Cli.exe"
if "%~1"=="status" if exist "%program%" goto run
if "%~1"=="logs" if exist "%program%" goto run
if "%~1"=="down" if exist "%program%" goto run
if "%~1"=="login" if exist "%program%" goto run
if "%~1"=="logout" if exist "%program%" goto run
if "%~1"=="whoami" if exist "%program%" goto run
if "%~1"=="token" if exist "%program%" goto run
if "%~1"=="curl" if exist "%program%" goto run
if "%~1"=="why" if exist "%program%" goto run
if "%~1"=="keys" if exist "%program%" goto run
where dotnet >nul 2>nul || (
  echo mesh: the .NET SDK is missing: install version 10 from https://dotnet.microsoft.com/download/dotnet/10.0 1>&2
  exit /b 1
)
if not exist "%root%artifacts" mkdir "%root%artifacts"
rem MSBuild skips what did not change.
pushd "%root%"
dotnet publish mesh.slnf -c Release --nologo -v quiet >"%root%artifacts\build.log" 2>&1
set code=%errorlevel%
popd
if not %code%==0 (
  echo mesh: the build failed: see %root%artifacts\build.log 1>&2
  exit /b 1
)
:run
"%program%" %*
exit /b %errorlevel%

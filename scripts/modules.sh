#!/usr/bin/env bash
# For scripts that read the public modules from what SwiftPM has built.

# A page of DocC can link to the pages of the modules before its own.
# shellcheck disable=SC2034
modules=(SandboxAPI SandboxRuntime Runners SandboxJudge SandboxFallback SandboxDocker SandboxTesting Sandbox)

# find_module_flags FOLDER SCRATCH: sets `products` of a package that was built there, and in `module_flags` where the C modules
# are that the Swift modules import.
find_module_flags() {
    local map folder
    products=$(swift build --enable-all-traits --package-path "$1" --scratch-path "$2" --show-bin-path)
    module_flags=()
    for map in "$products"/*.build/module.modulemap; do module_flags+=(-Xcc "-fmodule-map-file=$map"); done
    for folder in "$1"/Sources/*/include "$2"/checkouts/*/Sources/*/include; do module_flags+=(-Xcc "-I$folder"); done
}

/// Re-exports the values and protocols of `SandboxAPI`, as each module that users import does.

@_exported import SandboxAPI

/// Re-exports the values and protocols of `SandboxAPI`, as each module that users import does.

#if Fallback
@_exported import SandboxAPI
#endif

/// Re-exports the values and protocols of `SandboxAPI`, as each module that users import does.

#if Judge
@_exported import SandboxAPI
#endif

/* A judge in C: compiles a C program in one sandbox, runs it in another, and says what happened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolate.h"

extern const char supervisor_image[], supervisor_image_end[];

static const isolate_limits limits = {.wall_ns = 20000000000,
                                      .cpu_ns = 10000000000,
                                      .memory_bytes = 512 << 20,
                                      .processes = 64,
                                      .file_size_bytes = 64 << 20,
                                      .disk_bytes = 128 << 20,
                                      .open_files = 256,
                                      .stack_bytes = 64 << 20};

static void stop_with(const char *what, const isolate_failure *failure) {
    char part[32];
    isolate_detail_name(failure->stage, failure->index, part, sizeof part);
    fprintf(stderr, "%s: stage %s (%s): %s\n", what, isolate_stage_name(failure->stage), part,
            strerror(failure->errno_value));
    exit(1);
}

static void run(isolate_sandbox *sandbox, const char *const *arguments, isolate_result *result) {
    isolate_failure failure;
    isolate_command command = {.executable = arguments[0], .arguments = arguments, .output_bytes = 1 << 20};
    if (isolate_sandbox_run(sandbox, &command, &limits, result, &failure) < 0 || failure.stage != 0)
        stop_with("run", &failure);
    printf("%-14s outcome %d value %d, %.2f ms, %llu KiB\n", arguments[0], result->outcome.kind,
           result->outcome.value, (double)result->record.wall_ns / 1e6,
           (unsigned long long)result->record.peak_memory_bytes / 1024);
}

int main(void) {
    static const char source[] = "#include <stdio.h>\nint main(void) { puts(\"Hello from C\"); return 3; }\n";
    static const char *const compile[] = {"gcc", "-O2", "main.c", "-o", "main", NULL}, *const execute[] = {
                                                                                           "./main", NULL};
    static char binary[1 << 20];
    size_t bytes;
    isolate_failure failure;
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    isolate_result result;
    isolate_start_options options = {.image = supervisor_image,
                                     .image_bytes = (size_t)(supervisor_image_end - supervisor_image)};

    if (isolate_supervisor_start(&options, &supervisor, &failure) < 0)
        stop_with("start", &failure);
    if (isolate_sandbox_open(&supervisor, limits.disk_bytes, &sandbox, &failure) < 0 ||
        isolate_sandbox_write(&sandbox, "main.c", source, sizeof source - 1, 0, &failure) < 0)
        stop_with("sandbox", &failure);
    run(&sandbox, compile, &result);
    fputs(result.error_bytes > 0 ? result.error : "", stderr);
    isolate_result_free(&result);
    if (isolate_sandbox_read(&sandbox, "main", binary, sizeof binary, &bytes, &failure) < 0)
        stop_with("read", &failure);
    isolate_sandbox_close(&sandbox);

    if (isolate_sandbox_open(&supervisor, limits.disk_bytes, &sandbox, &failure) < 0 ||
        isolate_sandbox_write(&sandbox, "main", binary, bytes, 1, &failure) < 0)
        stop_with("sandbox", &failure);
    run(&sandbox, execute, &result);
    printf("%s", result.output_bytes > 0 ? result.output : "");
    int is_right = result.outcome.kind == ISOLATE_OUTCOME_EXITED && result.outcome.value == 3;
    isolate_result_free(&result);
    isolate_sandbox_close(&sandbox);
    isolate_supervisor_stop(&supervisor);
    return is_right ? 0 : 1;
}

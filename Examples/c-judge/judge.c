/*
 * A judge in C: compiles a C program in one sandbox, runs it in another, and says what happened.
 *
 *     cc judge.c $(pkg-config --cflags --libs isolate) -o judge && ./judge
 *
 * A call that returns less than 0 failed, and its isolate_failure says at which step: nothing is known about
 * the submission then. A run that returns 0 has an outcome, which the submission caused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <isolate.h>

static void stop_with(const char *what, const isolate_failure *failure) {
    char part[32];
    isolate_detail_name(failure->stage, failure->index, part, sizeof part);
    fprintf(stderr, "%s: stage %s (%s): %s\n", what, isolate_stage_name(failure->stage), part,
            strerror(failure->errno_value));
    exit(1);
}

static void open_with(isolate_supervisor *supervisor, isolate_sandbox *sandbox, const char *name,
                      const void *data, size_t bytes, int is_executable) {
    isolate_failure failure;
    uint64_t disk_bytes = isolate_standard_limits().disk_bytes;
    if (isolate_sandbox_open(supervisor, disk_bytes, sandbox, &failure) < 0 ||
        isolate_sandbox_write(sandbox, name, data, bytes, is_executable, &failure) < 0)
        stop_with("sandbox", &failure);
}

static void run(isolate_sandbox *sandbox, const char *const *arguments, isolate_limits limits,
                isolate_result *result) {
    isolate_failure failure;
    isolate_command command = {
        .executable = arguments[0], .arguments = arguments, .output_bytes = ISOLATE_STANDARD_OUTPUT_BYTES};
    if (isolate_sandbox_run(sandbox, &command, &limits, result, &failure) < 0)
        stop_with("run", &failure);
    printf("%-8s %s", arguments[0], isolate_outcome_name(result->outcome.kind));
    if (result->outcome.kind == ISOLATE_OUTCOME_LIMIT)
        printf(" %s", isolate_limit_name(result->outcome.limit));
    else if (result->outcome.kind != ISOLATE_OUTCOME_BLOCKED)
        printf(" %d", result->outcome.value);
    printf(", %.2f ms, %llu KiB\n", (double)result->record.wall_ns / 1e6,
           (unsigned long long)result->record.peak_memory_bytes / 1024);
}

int main(void) {
    static const char source[] = "#include <stdio.h>\nint main(void) { puts(\"Hello from C\"); return 3; }\n";
    static const char *const compile[] = {"gcc", "-O2", "main.c", "-o", "main", NULL};
    static const char *const execute[] = {"./main", NULL};
    static char binary[1 << 20];
    size_t bytes;
    isolate_failure failure;
    isolate_start_options options = {0};
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    isolate_result result;

    if (isolate_supervisor_start(&options, &supervisor, &failure) < 0)
        stop_with("start", &failure);
    printf("isolate %s, level %s\n", isolate_version(), isolate_level_name(supervisor.level));

    open_with(&supervisor, &sandbox, "main.c", source, sizeof source - 1, 0);
    run(&sandbox, compile, isolate_compile_limits(), &result);
    fputs(result.error, stderr);
    isolate_result_free(&result);
    if (isolate_sandbox_read(&sandbox, "main", binary, sizeof binary, &bytes, &failure) < 0)
        stop_with("read", &failure);
    isolate_sandbox_close(&sandbox);

    open_with(&supervisor, &sandbox, "main", binary, bytes, 1);
    run(&sandbox, execute, isolate_standard_limits(), &result);
    fputs(result.output, stdout);
    int is_right = result.outcome.kind == ISOLATE_OUTCOME_EXITED && result.outcome.value == 3;
    isolate_result_free(&result);
    isolate_sandbox_close(&sandbox);
    return isolate_supervisor_stop(&supervisor) < 0 || !is_right;
}

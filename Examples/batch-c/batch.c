/*
 * Compiles a submission once and runs ten tests of it, each in a fresh sandbox, with a verdict of each: in C,
 * on libisolate alone.
 *
 *     cc batch.c $(pkg-config --cflags --libs isolate) -o batch && ./batch
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <isolate.h>

/* Prints the double of a number, except that it crashes on 5, loops on 7, and is wrong on 9. */
static const char source[] = "#include <stdio.h>\n"
                             "#include <stdlib.h>\n"
                             "int main(void) {\n"
                             "    int n;\n"
                             "    if (scanf(\"%d\", &n) != 1) return 1;\n"
                             "    if (n == 5) abort();\n"
                             "    for (volatile int i = 0; n == 7; i = i + 1) {}\n"
                             "    printf(\"%d\\n\", n == 9 ? 19 : 2 * n);\n"
                             "}\n";

static void stop_with(const char *what, const isolate_failure *failure) {
    fprintf(stderr, "%s: stage %s: %s\n", what, isolate_stage_name(failure->stage),
            strerror(failure->errno_value));
    exit(125);
}

static void open_with(isolate_supervisor *supervisor, isolate_sandbox *sandbox, const char *name,
                      const void *data, size_t bytes, int is_executable) {
    isolate_failure failure;
    uint64_t disk_bytes = isolate_standard_limits().disk_bytes;
    if (isolate_sandbox_open(supervisor, disk_bytes, sandbox, &failure) < 0 ||
        isolate_sandbox_write(sandbox, name, data, bytes, is_executable, &failure) < 0)
        stop_with("sandbox", &failure);
}

/* The executable, to be freed, and its size; NULL when the source does not compile. */
static void *compile(isolate_supervisor *supervisor, size_t *bytes) {
    static const char *const arguments[] = {"gcc", "-O2", "main.c", "-o", "main", NULL};
    const size_t most = 16 << 20;
    isolate_command command = {
        .executable = arguments[0], .arguments = arguments, .output_bytes = ISOLATE_STANDARD_OUTPUT_BYTES};
    isolate_limits limits = isolate_compile_limits();
    isolate_sandbox sandbox;
    isolate_failure failure;
    isolate_result result;
    void *program = NULL;

    open_with(supervisor, &sandbox, "main.c", source, sizeof source - 1, 0);
    if (isolate_sandbox_run(&sandbox, &command, &limits, &result, &failure) < 0)
        stop_with("compile", &failure);
    if (result.outcome.kind == ISOLATE_OUTCOME_EXITED && result.outcome.value == 0) {
        program = malloc(most);
        if (program == NULL || isolate_sandbox_read(&sandbox, "main", program, most, bytes, &failure) < 0)
            stop_with("read", &failure);
    } else {
        fputs(result.error, stderr);
    }
    isolate_result_free(&result);
    isolate_sandbox_close(&sandbox);
    return program;
}

static const char *verdict(const isolate_result *result, const char *answer) {
    switch (result->outcome.kind) {
    case ISOLATE_OUTCOME_EXITED:
        if (result->outcome.value != 0)
            return "RTE";
        return strcmp(result->output, answer) == 0 ? "AC" : "WA";
    case ISOLATE_OUTCOME_BLOCKED:
        return "SV";
    case ISOLATE_OUTCOME_LIMIT:
        switch (result->outcome.limit) {
        case ISOLATE_LIMIT_WALL_TIME:
        case ISOLATE_LIMIT_CPU_TIME:
            return "TLE";
        case ISOLATE_LIMIT_MEMORY:
            return "MLE";
        case ISOLATE_LIMIT_OUTPUT:
            return "OLE";
        }
    }
    return "RTE";
}

int main(void) {
    static const char *const arguments[] = {"./main", NULL};
    isolate_limits limits = isolate_standard_limits();
    isolate_start_options options = {0};
    isolate_supervisor supervisor;
    isolate_failure failure;
    size_t bytes = 0;

    limits.cpu_ns = 300 * 1000 * 1000;
    if (isolate_supervisor_start(&options, &supervisor, &failure) < 0)
        stop_with("start", &failure);
    void *program = compile(&supervisor, &bytes);
    if (program == NULL)
        puts("CE");
    for (int test = 1; program != NULL && test <= 10; test++) {
        char input[16], answer[16];
        isolate_command command = {.executable = arguments[0],
                                   .arguments = arguments,
                                   .input = input,
                                   .input_bytes = (size_t)snprintf(input, sizeof input, "%d\n", test),
                                   .output_bytes = ISOLATE_STANDARD_OUTPUT_BYTES};
        isolate_sandbox sandbox;
        isolate_result result;

        snprintf(answer, sizeof answer, "%d\n", 2 * test);
        open_with(&supervisor, &sandbox, "main", program, bytes, 1);
        if (isolate_sandbox_run(&sandbox, &command, &limits, &result, &failure) < 0)
            stop_with("run", &failure);
        printf("test %d: %s, %.0f ms\n", test, verdict(&result, answer), (double)result.record.wall_ns / 1e6);
        isolate_result_free(&result);
        isolate_sandbox_close(&sandbox);
    }
    free(program);
    return isolate_supervisor_stop(&supervisor) < 0;
}

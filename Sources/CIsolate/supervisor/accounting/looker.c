/*
 * Reads files of proc that a program can block: a separate process that waits in the slot's place.
 *
 * /proc/PID/smaps_rollup waits for the lock of the process's address space, which the program's threads can
 * hold for any time. The slot waits a few milliseconds for each answer, so its clocks go on; a late answer is
 * discarded. Only a slot without a memory cgroup has this process.
 */
#include "accounting/looker.h"

#include <linux/prctl.h>

#include "accounting/processes.h"
#include "credentials.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"

enum { PATIENCE_NS = 4000000 };

struct question {
    uint32_t number;
    int32_t entry; /* in slot->proc */
};

struct looker_answer {
    uint32_t number;
    int32_t result; /* bytes read, or -errno */
    uint64_t kilobytes;
};

static void answer_questions(const struct slot *slot, int socket) __attribute__((noreturn));

static void answer_questions(const struct slot *slot, int socket) {
    const int keep[] = {socket, slot->proc};
    struct question question;
    sys_close_others(3, keep, 2);
    sys_prctl(PR_SET_NAME, (unsigned long)"looker");
    sys_prctl(PR_SET_PDEATHSIG, SYS_SIGKILL);
    while (sys_receive(socket, &question, sizeof question, 0, 0, 0) == sizeof question) {
        struct looker_answer answer = {.number = question.number};
        char text[2048];
        credentials_begin_look(slot);
        answer.result = (int)processes_read(slot, question.entry, "smaps_rollup", text, sizeof text);
        credentials_end_look(slot);
        if (answer.result > 0)
            answer.kilobytes = text_find(text, "Pss_Anon:", 0) + text_find(text, "Pss_Shmem:", 0);
        if (sys_send_blocking(socket, &answer, sizeof answer, 0, 0) < 0)
            break;
    }
    sys_exit(0);
}

int looker_start(struct slot *slot) {
    int ends[2];
    long result = SYS_CALL_4(__NR_socketpair, SYS_AF_UNIX, SYS_SOCK_SEQPACKET | SYS_SOCK_CLOEXEC, 0, ends);
    if (result < 0)
        return (int)result;
    int pid = (int)sys_clone(0, 0);
    if (pid == 0)
        answer_questions(slot, ends[1]);
    sys_close(ends[1]);
    if (pid < 0) {
        sys_close(ends[0]);
        return pid;
    }
    slot->looker = ends[0];
    slot->looker_pid = pid;
    return 0;
}

/* On a busy host: the program does not delay it. */
static int waits_for_processor(const struct slot *slot) {
    char text[1024];
    int entry = processes_entry(slot, slot->looker_pid);
    return entry > 0 && processes_read(slot, entry, "status", text, sizeof text) > 0 &&
           text_contains_after(text, "State:", "R");
}

static int await_answer(const struct slot *slot, uint64_t patience_ns, uint64_t *spare_ns,
                        struct looker_answer *answer) {
    struct sys_pollfd ready = {slot->looker, SYS_POLLIN, 0};
    sys_result n = sys_poll(&ready, 1, (int64_t)patience_ns);
    while (n <= 0 && *spare_ns >= PATIENCE_NS && waits_for_processor(slot)) {
        *spare_ns -= PATIENCE_NS;
        n = sys_poll(&ready, 1, PATIENCE_NS);
    }
    return n > 0 && sys_receive(slot->looker, answer, sizeof *answer, 0, 0, 0) == sizeof *answer;
}

int looker_read_part(const struct slot *slot, int entry, uint64_t *spare_ns, uint64_t *bytes) {
    static uint32_t asked, answered;
    struct looker_answer answer;
    /* An earlier request is unanswered: the looker still waits for the lock. */
    while (asked != answered && await_answer(slot, 0, spare_ns, &answer))
        answered = answer.number;
    struct question question = {asked + 1, entry};
    if (slot->looker < 0 || asked != answered || sys_send(slot->looker, &question, sizeof question, 0, 0) < 0)
        return -EAGAIN;
    asked++;
    if (!await_answer(slot, PATIENCE_NS, spare_ns, &answer))
        return -EAGAIN;
    answered = answer.number;
    *bytes = answer.kilobytes * 1024;
    return answer.result;
}

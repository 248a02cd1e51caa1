/* Receives the records of a slot's control socket, between two runs and during one. */
#include "process/control.h"

#include "process/look.h"
#include "slot_state.h"
#include "sys.h"
#include "tree/files.h"

int control_receive(struct slot *slot, struct isolate_prepare_record *word, int flags) {
    union {
        uint32_t type;
        struct isolate_prepare_record prepare;
        struct isolate_file_record file;
    } record;
    int CLEANUP_CLOSE content = -1;
    sys_result n = sys_receive(slot->control, &record, sizeof record, &content, 1, flags);
    if (n == -EAGAIN)
        return 0;
    if (n == -EMFILE) { /* only OPEN_FILE carries a descriptor */
        file_refuse(slot, n);
        return 0;
    }
    if (n <= 0)
        sys_exit(0); /* the embedder is gone; this exit kills every process below */
    if (n == sizeof record.file && record.type == ISOLATE_OPEN_FILE)
        file_answer(slot, &record.file, content);
    if (n != sizeof record.prepare)
        return 0;
    if (record.type == ISOLATE_LOOK) {
        look_answer(slot);
        return 0;
    }
    *word = record.prepare;
    return 1;
}

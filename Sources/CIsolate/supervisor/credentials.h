/* User and group ids and capability sets of the processes. */
#ifndef ISOLATE_CREDENTIALS_H
#define ISOLATE_CREDENTIALS_H

#include "slot_state.h"

/* Makes this process untraceable and its /proc files unreadable for all but root; to be repeated after each
 * change of ids. */
void credentials_hide(const struct isolate_config *config);
int credentials_become_slot_root(const struct slot *slot);
/* The slot's new files belong to the program; the slot keeps its capabilities. */
void credentials_make_files_as_program(const struct slot *slot);
/* For file access, the slot takes the program's ids and drops its own capabilities; and the way back, also
 * from credentials_make_files_as_program. */
void credentials_act_as_program(const struct slot *slot);
void credentials_act_as_slot(const struct slot *slot);
/* Enclose the reading of a program's files in /proc that other users may not read. */
void credentials_begin_look(const struct slot *slot);
void credentials_end_look(const struct slot *slot);
int credentials_drop_bounding_set(void);
int credentials_renounce_root(void);
int credentials_drop_all_capabilities(void);
int credentials_become_program(const struct slot *slot);

#endif

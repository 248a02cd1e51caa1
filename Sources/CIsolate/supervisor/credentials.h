/* Who a process is: user and group ids, capability sets. */
#ifndef ISOLATE_CREDENTIALS_H
#define ISOLATE_CREDENTIALS_H

#include "slot_state.h"

/* Nobody but root may trace this process or look into it; again after each change of ids. */
void credentials_hide(const struct isolate_config *config);
int credentials_become_slot_root(const struct slot *slot);
/* What the slot makes belongs to the program; it keeps its capabilities. */
void credentials_make_files_as_program(const struct slot *slot);
/* The program's ids and none of the slot's capabilities, where files are concerned. And back, from both. */
void credentials_act_as_program(const struct slot *slot);
void credentials_act_as_slot(const struct slot *slot);
/* Around reading those files of a program's process in /proc that are not everybody's. */
void credentials_begin_look(const struct slot *slot);
void credentials_end_look(const struct slot *slot);
int credentials_drop_bounding_set(void);
int credentials_renounce_root(void);
int credentials_drop_all_capabilities(void);
int credentials_become_program(const struct slot *slot);

#endif

/* What Swift's Glibc does not show of glibc: extensions that need _GNU_SOURCE. */
#pragma once

/* A pipe that no program inherits. Returns 0 or an error number. */
int cspawn_pipe(int ends[2]);

/* A file without a name below `folder`, open for reading and writing; or a negative error number. */
int cspawn_unnamed_file(const char *folder);

/* Starts `path` in `directory` as the leader of a process group of its own, with these three descriptors and
   no others, and with all signals as they are by default. Returns 0 or the error number of what failed, in
   the child too. */
int cspawn_start(int *process, const char *path, char *const arguments[], char *const variables[],
                 const char *directory, const int descriptors[3]);

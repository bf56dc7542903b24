/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CLEANUP_H
#define CLEANUP_H

#include <stdbool.h>
#include <sys/types.h>

struct stat;

/*
 * What is put back when the program ends: by exit(), by returning from main(), by a
 * signal, of which it dies afterwards, but not by SIGKILL: see taken.h. The two that the
 * C library keeps for its threads, 32 and 33, cannot be caught by way of it, and behind
 * its back only until something it is linked with has threads: they are as SIGKILL. Only the
 * process that armed it does so, no child of it.
 */

/**
 * cleanup_works - whether devices can be put back at the end
 *
 * For that the program executes itself, as /proc/self/exe: not if there is no /proc, or
 * if it was started as an argument of the dynamic loader.
 */
bool cleanup_works(void);

/**
 * cleanup_taken - put back devices that are taken from now on
 * @note: called before each is taken: taken_note()
 */
void cleanup_taken(void (*note)(void));

/** cleanup_devices - the devices of pci_saved() get back their drivers */
void cleanup_devices(void);

/**
 * cleanup_unlink - a file is removed, unless another one has its name by then
 * @path: kept, not copied; NULL: nothing any more
 * @st: tells which file it is
 */
void cleanup_unlink(const char *path, const struct stat *st);

/**
 * cleanup_mkstemp - make a file that is removed, as by cleanup_unlink()
 * @path: as for mkstemp(); kept, not copied
 *
 * Return: the file, or -errno.
 */
int cleanup_mkstemp(char *path);

/**
 * cleanup_mkdtemp - make a folder, which is removed together with one file in it
 * @path: as for mkdtemp(); kept, not copied
 * @file: name of that file, which need not be there; kept, not copied
 *
 * There is one at a time.
 *
 * Return: the folder, opened with O_PATH, or -errno.
 */
int cleanup_mkdtemp(char *path, const char *file);

/** cleanup_rmdir - that folder is removed now, and closed */
void cleanup_rmdir(void);

/**
 * cleanup_fork - start a child that a signal goes to first
 * @pidfd: receives a descriptor of the child, which stays open
 *
 * From then on signals are passed on to it, and do not end this program, which
 * is to wait for it and exit, until the child is no more. In the child they do what
 * they do by default.
 *
 * Return: as fork().
 */
pid_t cleanup_fork(int *pidfd);

/**
 * cleanup_exit - end as a child has ended
 * @status: from waitpid(); a signal that ended the child ends this program, too
 */
void cleanup_exit(int status) __attribute__((noreturn));

/* What cleanup_put_back() is told of each device, in arguments */
#define CLEANUP_PER_DEVICE 5

/**
 * cleanup_put_back - "dmabuf-p2p --put-back END [ADDRESS BOUND DRIVER OVERRIDE DISKS]..."
 * @argc: of @argv
 * @argv: END and on: an exit status, or a signal's number after an 's'
 *
 * What the program becomes when it ends, see cleanup.c. Does not return if it is
 * to end by a signal.
 *
 * Return: the exit status: instead of 0 it is EXIT_FAILED if a device has not got back
 * its driver and disks.
 */
int cleanup_put_back(int argc, char **argv);

#endif /* CLEANUP_H */

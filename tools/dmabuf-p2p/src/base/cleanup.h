/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CLEANUP_H
#define CLEANUP_H

#include <sys/types.h>

/*
 * What is put back when the program ends: by exit(), by returning from main(),
 * by SIGINT, SIGTERM or SIGHUP (exit status EXIT_INTERRUPTED), but not by
 * SIGKILL. Only the process that armed it does so, no child of it.
 */

/** cleanup_devices - the devices of pci_saved() get back their drivers */
void cleanup_devices(void);

/**
 * cleanup_unlink - a file is removed
 * @path: kept, not copied; NULL: nothing any more
 */
void cleanup_unlink(const char *path);

/**
 * cleanup_fork - start a child that a signal goes to first
 *
 * From then on signals are passed on to it, and do not end this program, which
 * is to wait for it and exit. In the child they do what they do by default.
 *
 * Return: as fork().
 */
pid_t cleanup_fork(void);

/**
 * cleanup_put_back - "dmabuf-p2p --put-back STATUS [ADDRESS DRIVER OVERRIDE]..."
 * @argc: of @argv
 * @argv: STATUS and on
 *
 * What the program becomes when it ends, see cleanup.c.
 *
 * Return: STATUS.
 */
int cleanup_put_back(int argc, char **argv);

#endif /* CLEANUP_H */

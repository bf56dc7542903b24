/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PROCFS_H
#define PROCFS_H

#include <stdbool.h>
#include <sys/types.h>

/* What the kernel cuts names of processes to, and a 0 */
#define PROCFS_COMM 16

/** procfs_comm - name of a process, clean; "?" if it is gone */
void procfs_comm(pid_t pid, char comm[PROCFS_COMM]);

/**
 * procfs_each_process - look at all processes
 * @root: folder that stands for /, "" for this machine
 * @fn: called with each and @arg; what it returns, unless 0, ends the search
 * @arg: for @fn
 *
 * Return: 0, what @fn has returned, or -errno: -ENOENT if there is no /proc, -EACCES if
 * it hides processes of others, or shows those of a container only.
 */
int procfs_each_process(const char *root, int (*fn)(pid_t pid, void *arg),
			void *arg);

/**
 * procfs_each_thread - look at the threads of a process
 * @root: folder that stands for /
 * @pid: the process
 * @fn: called with each and @arg; what it returns, unless 0, ends the search. It can
 *	give the thread to the functions below for a process.
 * @arg: for @fn
 *
 * Return: 0, what @fn has returned, or -errno: -ENOENT if there is no such process.
 */
int procfs_each_thread(const char *root, pid_t pid,
		       int (*fn)(pid_t tid, void *arg), void *arg);

/**
 * procfs_each_map_file - look at the files a process has mapped
 * @root: folder that stands for /
 * @pid: the process
 * @fn: called with the name of each mapping in /proc/PID/map_files and @arg; what it
 *	returns, unless 0, ends the search
 * @arg: for @fn
 *
 * A file that is mapped several times is looked at as often.
 *
 * Return: 0, what @fn has returned, or -errno, see procfs_each_file().
 */
int procfs_each_map_file(const char *root, pid_t pid,
			 int (*fn)(const char *name, void *arg), void *arg);

/**
 * procfs_each_file - look at the files a process has open
 * @root: folder that stands for /
 * @pid: the process
 * @fn: called with the number of each and @arg; what it returns, unless 0, ends the
 *	search
 * @arg: for @fn
 *
 * Who may not look at them may be told their numbers all the same.
 *
 * Return: 0, what @fn has returned, or -errno: -ENOENT if there is no such process,
 * -EACCES if it is somebody else's.
 */
int procfs_each_file(const char *root, pid_t pid,
		     int (*fn)(pid_t pid, int number, void *arg), void *arg);

/**
 * procfs_is_dmabuf - is what a process has open a dma-buf?
 * @pid: the process
 * @number: of the file descriptor
 * @device: receives the device that all dma-bufs are on; may be NULL
 *
 * Return: 1 if it is, 0 if not, -EACCES if it may not be looked at.
 */
int procfs_is_dmabuf(pid_t pid, int number, dev_t *device);

/**
 * procfs_each_fd - look at the dma-bufs a process has open
 *
 * Otherwise as procfs_each_file().
 */
int procfs_each_fd(pid_t pid, int (*fn)(pid_t pid, int number, void *arg),
		   void *arg);

/**
 * procfs_each_map - look at the mappings of dma-bufs a process has
 * @pid: the process
 * @device: that all dma-bufs are on; 0 if it is not known, then root finds them only
 * @fn: called with the inode of each and @arg
 * @arg: for @fn
 *
 * Return: 0 or -errno.
 */
int procfs_each_map(pid_t pid, dev_t device,
		    void (*fn)(pid_t pid, ino_t inode, void *arg), void *arg);

#endif /* PROCFS_H */

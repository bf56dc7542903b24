/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TAKEN_H
#define TAKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "device.h"

/* Below the folder that stands for / */
#define TAKEN_FOLDER "/run/dmabuf-p2p"

/* What takes them */
#define TAKEN_DRIVER "vfio-pci"

struct pci_saved;

/**
 * struct taken - a device that this program took from its driver
 * @addr: PCI address
 * @driver: the driver it had, empty for none
 * @override: the driver_override it had, empty for none
 * @pid: the process that is to put that back; 0 if none is, before 'release'
 * @start: when that process began, as /proc/PID/stat has it: process ids come again
 * @alive: whether it still is, or that has never been its task
 */
struct taken {
	char addr[DEVICE_ADDR];
	char driver[64];
	char override[64];
	pid_t pid;
	unsigned long long start;
	bool alive;
};

/**
 * taken_claim - be the process that puts a device back
 * @root: folder that stands for /, "" but for tests
 * @addr: PCI address
 * @driver: what it has now, to be noted; NULL if only a note that a killed process
 *	has left is of interest
 * @override: likewise
 * @was: receives what is noted, unless that fails
 *
 * Return: 0 for a new note, or none; 1 if this process has taken over from one that
 * was killed; -EBUSY if the process in @was has it; or -errno.
 */
int taken_claim(const char *root, const char *addr, const char *driver,
		const char *override, struct taken *was);

/**
 * taken_lock - be the only one who gives a device another driver for good
 * @root: see taken_claim()
 * @addr: PCI address
 *
 * Return: a file descriptor that is to be closed after that, or -errno.
 */
int taken_lock(const char *root, const char *addr);

/**
 * taken_keep - note what a device had, for 'release' and not for this process
 * @root: see taken_claim()
 * @addr: PCI address
 * @driver: what it has now, empty for none; NULL if that is vfio-pci already: then
 *	only the note of a process that was killed is of interest
 * @override: likewise
 *
 * If one was killed while it was taking the device, what the device had before that is
 * what counts.
 *
 * Return: 0 or -errno; -EBUSY if a process of this program has it.
 */
int taken_keep(const char *root, const char *addr, const char *driver,
	       const char *override);

/**
 * taken_forget - a device has been put back
 *
 * What another process has noted stays.
 */
void taken_forget(const char *root, const char *addr);

/**
 * taken_list - all devices that processes of this program have taken
 * @root: see taken_claim()
 * @nr: receives their number
 *
 * Return: a list to be freed, or NULL and in @nr 0 or -errno: -EPERM if the folder
 * could be somebody else's work.
 */
struct taken *taken_list(const char *root, ssize_t *nr);

/** taken_saved - @note as something to be put back */
void taken_saved(const struct taken *note, struct pci_saved *was);

/**
 * taken_adopt - put a device back at the end, if a killed process has not
 * @addr: PCI address; if it has VFIO's driver this program has it open: until then it
 *	may be somebody else's
 *
 * One that has got another driver since stays there.
 */
void taken_adopt(const char *addr);

/**
 * taken_note - note the devices of pci_saved() before they are taken
 *
 * Ends the program if another process is about to take one of them.
 */
void taken_note(void);

#endif /* TAKEN_H */

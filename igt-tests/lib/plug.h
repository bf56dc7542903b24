/* SPDX-License-Identifier: MIT */
#ifndef LIB_PLUG_H
#define LIB_PLUG_H

/*
 * Devices of the VM's topology pulled out and plugged in through QEMU's monitor. A
 * device is known there by the name that tools/vm/topology gave it.
 */

#include <pthread.h>

struct vfio_device;

/**
 * struct plug_unbind - an unbind that waits until the device is given back
 * @thread: does it
 * @addr: PCI address of the device
 * @result: 0 or -errno, once it has ended
 */
struct plug_unbind {
	pthread_t thread;
	const char *addr;
	int result;
};

/** plug_unbind_begin - begin to unbind the device at PCI address @addr, which stays valid */
void plug_unbind_begin(struct plug_unbind *unbind, const char *addr);

/**
 * plug_unbind_end - wait for the end of plug_unbind_begin()
 *
 * Return: of __pci_unbind().
 */
int plug_unbind_end(struct plug_unbind *unbind);

/**
 * plug_watch - be told when the kernel wants the exporter back
 * @vfio: device file of vfio-pci
 *
 * Return: eventfd, the caller's to close, for plug_wait_asked().
 */
int plug_watch(struct vfio_device *vfio);

/**
 * __plug_wait_asked - wait until the kernel asks for a device
 * @request: of plug_watch()
 *
 * Return: 0 or -ETIMEDOUT.
 */
int __plug_wait_asked(int request);

/** plug_wait_asked - the same or fail the test, for the device at PCI address @addr */
void plug_wait_asked(int request, const char *addr);

/**
 * __plug_pull_out - begin to pull a device out
 * @id: name in QEMU, such as "shm0"
 *
 * QEMU takes 5 s until the kernel is told, and the kernel waits for who uses it: see
 * plug_wait_asked(), plug_wait_gone().
 *
 * Return: 0 or -errno.
 */
int __plug_pull_out(const char *id);
void plug_pull_out(const char *id);

/** __plug_wait_gone - wait until there is no device at PCI address @addr */
int __plug_wait_gone(const char *addr);
void plug_wait_gone(const char *addr);

/**
 * __plug_in - plug a device in, wait for it, and bind it
 * @id: name in QEMU; who had it before has been pulled out
 * @device: what QEMU's device_add takes, without a name
 * @addr: PCI address where it will be
 * @driver: name
 *
 * Return: 0 or -errno.
 */
int __plug_in(const char *id, const char *device, const char *addr,
	      const char *driver);
void plug_in(const char *id, const char *device, const char *addr,
	     const char *driver);

/**
 * plug_in_exporter - plug in an exporter like the one that plug_pull_out() took
 * @addr: PCI address where it will be
 *
 * It has other memory: QEMU 7.2 ends the VM when the second device gets that of the
 * first.
 */
void plug_in_exporter(const char *addr);

#endif /* LIB_PLUG_H */

/* SPDX-License-Identifier: MIT */
/*
 * What steps call, and what they work on
 *
 * The executor uses this, and so does every program that is printed for a sequence.
 * Calls return what a system call does, with -errno for an error, and are functions
 * of an array, so that a step's numbers are all there is to them.
 */
#ifndef FUZZ_CALLS_H
#define FUZZ_CALLS_H

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-phys.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "devices/uapi.h"
#include "fuzz.h"
#include "more_uapi.h"

/* Never documented: a call's own checks have failed, and fuzz_why says which */
#define FUZZ_WRONG 117

extern char fuzz_why[256];

/** fuzz_wrong - remember what is wrong; Return: -%FUZZ_WRONG */
long fuzz_wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * How long the end of a sequence waits for what goes or comes back a moment later, which is
 * long on a busy machine; who tries many sequences that may fail there has less patience
 */
extern unsigned int fuzz_patience_ms;

/** fuzz_begin - open all devices, or end the program */
void fuzz_begin(void);

/**
 * fuzz_reset - release what the slots have, and everything is as it was at first
 *
 * Return: 0; -%FUZZ_WRONG if something is left or has changed.
 */
long fuzz_reset(void);

/** fuzz_end - fuzz_reset() and close all devices; Return: an exit status */
int fuzz_end(void);

/*
 * Two pages that calls get pointers into, with a page before and behind that cannot
 * be reached. What must be in them is in the image.
 */
#define FUZZ_ARENA_SIZE (2 * FUZZ_PAGE)

/** fuzz_at - an address, the guard before the arena included */
uint64_t fuzz_at(uint64_t offset);

/** fuzz_put - put a structure to where the call will look for it, if there is room */
uint64_t fuzz_put(uint64_t at, const void *what, size_t size);

/**
 * fuzz_unchanged - whether the arena is as it was, but for what may have changed
 * @at: addresses of two ranges, which may be anywhere
 * @size: bytes of each
 *
 * What it is now is what it has to be next time.
 *
 * Return: 0 or -%FUZZ_WRONG.
 */
long fuzz_unchanged(const uint64_t at[2], const uint64_t size[2]);

/**
 * struct fuzz_room - where an ioctl may write
 * @size: of its structure, bytes
 * @at: address of more
 * @more: bytes of that
 * @tells: it writes into its structure even if it fails
 */
struct fuzz_room {
	uint64_t size, at, more;
	bool tells;
};

/**
 * fuzz_checked - what an ioctl has returned, if it has written nothing but what it may
 * @ret: what it has returned
 * @at: address of its structure
 * @room: where it may write
 */
long fuzz_checked(long ret, uint64_t at, struct fuzz_room room);

/** fuzz_res - the file or id in a slot; all ones if there is none */
uint64_t fuzz_res(enum fuzz_kind kind, unsigned int slot);

/**
 * fuzz_filled - the slot, or the next one if nothing is in it
 *
 * A call that failed has left its slot empty, and so has one that was left out.
 */
unsigned int fuzz_filled(enum fuzz_kind kind, unsigned int slot);

/** fuzz_pick - what is there; all ones if there is nothing of that kind */
uint64_t fuzz_pick(enum fuzz_kind kind, unsigned int slot);

/**
 * fuzz_is_other - whether what a slot has is not quite of its kind
 * @kind: of the slot
 * @what: from fuzz_pick(): nothing, or among dma-bufs a path to one or a copy of another file
 */
bool fuzz_is_other(enum fuzz_kind kind, uint64_t what);

/** fuzz_set - put something into a slot, whatever was there; -1 for nothing */
void fuzz_set(enum fuzz_kind kind, unsigned int slot, long what);

/** fuzz_va - an address in a mapping */
uint64_t fuzz_va(unsigned int slot, uint64_t offset);

/** fuzz_ioctl - ioctl() that returns -errno */
long fuzz_ioctl(uint64_t fd, unsigned long request, uint64_t at);

/** fuzz_give - leave what a call returned in a slot, whose former content is released */
long fuzz_give(enum fuzz_kind kind, unsigned int slot, long ret);

/** fuzz_give_id - the same for an id that is at an address */
long fuzz_give_id(enum fuzz_kind kind, unsigned int slot, long ret, uint64_t at);

/** fuzz_take - release what is in a slot; Return: 0 or -errno */
long fuzz_take(enum fuzz_kind kind, unsigned int slot);

/**
 * fuzz_on_release - how to release a kind that is not just a file
 * @kind: the kind
 * @release: gets slot and content
 */
void fuzz_on_release(enum fuzz_kind kind, long (*release)(unsigned int slot, long what));

/** fuzz_show - print what a call returned */
void fuzz_show(const char *name, long ret);

/**
 * fuzz_expect - the same, and have fuzz_end() fail if it may not return that
 * @name: of the operation
 * @ret: what it returned
 *
 * Errnos that it may return follow, and 0.
 */
void fuzz_expect(const char *name, long ret, ...);

/** fuzz_disappointed - Return: whether fuzz_expect() has seen anything else */
bool fuzz_disappointed(void);

/*
 * The calls, by topic. Each topic begins with a function that opens its devices, and
 * returns 0 or -errno, with a word about what it was in fuzz_why.
 */
long fuzz_query_begin(void);

/** fuzz_query_idle - fail unless nobody imports a dma-buf, or stops to soon */
long fuzz_query_idle(int fd);

long call_look(const uint64_t *arg);
long call_read_watch(const uint64_t *arg);
long call_poll(const uint64_t *arg);
long call_any_ioctl(const uint64_t *arg);

long fuzz_vfio_begin(void);
void fuzz_vfio_detach(void);
long fuzz_vfio_reset(void);
long fuzz_vfio_check(void);
void fuzz_vfio_end(void);
long call_export(const uint64_t *arg);
long call_feature(const uint64_t *arg);
long call_memory(const uint64_t *arg);
long call_beside(const uint64_t *arg);
long call_power(const uint64_t *arg);
long call_low_power(const uint64_t *arg);
long call_reset(const uint64_t *arg);
long call_config_write(const uint64_t *arg);
long call_config_read(const uint64_t *arg);
long call_state(const uint64_t *arg);
long call_reopen(const uint64_t *arg);
long call_device_map(const uint64_t *arg);
long call_region_rw(const uint64_t *arg);
long call_ioeventfd(const uint64_t *arg);
long call_irq(const uint64_t *arg);

long fuzz_map_begin(void);
long call_map(const uint64_t *arg);
long call_map_anonymous(const uint64_t *arg);
long call_map_at(const uint64_t *arg);
long call_load(const uint64_t *arg);
long call_store(const uint64_t *arg);
long call_change(const uint64_t *arg);
long call_kernel_access(const uint64_t *arg);
long call_fork(const uint64_t *arg);

long call_dup(const uint64_t *arg);
long call_pass(const uint64_t *arg);
long call_open_path(const uint64_t *arg);
long call_open_again(const uint64_t *arg);
long call_file(const uint64_t *arg);

long call_memfd(const uint64_t *arg);
long call_udmabuf(const uint64_t *arg);
long call_udmabuf_list(const uint64_t *arg);
long call_heap(const uint64_t *arg);
long fuzz_memory_begin(void);
long fuzz_movable_begin(void);
long call_movable(const uint64_t *arg);
long call_movable_dmabuf(const uint64_t *arg);
long call_move(const uint64_t *arg);
long call_movable_rw(const uint64_t *arg);

void fuzz_iommufd_begin(void);
void fuzz_iommufd_reset(void);

long fuzz_dma_begin(void);
void fuzz_dma_end(void);
long call_dma_map(const uint64_t *arg);
long call_dma_copy(const uint64_t *arg);
long call_dma_read(const uint64_t *arg);
long call_dma_write(const uint64_t *arg);

long fuzz_kvm_begin(void);
long call_vm(const uint64_t *arg);
long call_memslot(const uint64_t *arg);
long call_memslot_va(const uint64_t *arg);
long call_dirty_log(const uint64_t *arg);
long call_prefault(const uint64_t *arg);
long call_guest(const uint64_t *arg);
long call_private(const uint64_t *arg);

long fuzz_rdma_begin(void);
void fuzz_rdma_end(void);
long call_reg_mr(const uint64_t *arg);
long call_reg_memory_mr(const uint64_t *arg);
long call_rdma_export(const uint64_t *arg);

long fuzz_type1_begin(void);
void fuzz_type1_end(void);
long call_type1_map(const uint64_t *arg);
long call_type1_map_memory(const uint64_t *arg);
long call_type1_unmap(const uint64_t *arg);

#endif /* FUZZ_CALLS_H */

/* SPDX-License-Identifier: MIT */
/*
 * Words to describe operations with
 */
#ifndef FUZZ_OPS_H
#define FUZZ_OPS_H

#include <errno.h>

#include "calls.h"

#define ARG(n, ...) { .name = n, __VA_ARGS__ }
#define MEMBER(t, m, ...) \
	{ .name = #m, .offset = offsetof(t, m), \
	  .size = sizeof(((t *)0)->m), __VA_ARGS__ }
#define ARGS(...) .args = (const struct fuzz_arg []) { __VA_ARGS__ { 0 } }
#define ERRNOS(...) .errnos = (const short []) { __VA_ARGS__, 0 }

#define BELOW(limit, by) .pick = FUZZ_BELOW, .n = limit, .unit = by
#define BITS(mask) .pick = FUZZ_BITS, .n = mask
#define OF(...) \
	.pick = FUZZ_OF, .list = (const uint64_t []) { __VA_ARGS__ }, \
	.n = sizeof((const uint64_t []) { __VA_ARGS__ }) / 8
#define ODD .pick = FUZZ_ODD
#define RES(k) .type = FUZZ_RES, .kind = k
#define SLOT(k) .type = FUZZ_SLOT, .kind = k
#define ARENA(bytes) .type = FUZZ_ARENA, .writes = bytes
#define VA .type = FUZZ_VA

#define CALL(fn) .run = fn, .run_name = #fn
/* The structure's name, not that of a macro here */
#define IN_C(t) #t
#define IOCTL(file, r, t) \
	.on = file, .request = r, .request_name = #r, .type = IN_C(t), \
	.size = sizeof(t)
#define IOCTL_NONE(file, r) .on = file, .request = r, .request_name = #r
#define ID(t, m) .id = offsetof(t, m)
#define GIVES(k) .gives = k, .id = -1
#define GIVES_ID(k, t, m) .gives = k, ID(t, m)
#define TAKES(k) .gives = k, .takes = true
#define GIVES_NOTHING .gives = FUZZ_NOTHING

/*
 * What is said to an address, a number or a file that makes no sense need not be named
 * (execute.c). But a slot may be empty or have a path, or another file that was copied, and
 * the device may not be open: negative errnos are documented for that, and nothing else.
 */
#define OTHER_FILE -EBADF, -EINVAL

/* Each file's operations, up to one without a name */
extern const struct fuzz_op fuzz_query_ops[];
extern const struct fuzz_op fuzz_vfio_ops[];
extern const struct fuzz_op fuzz_cause_ops[];
extern const struct fuzz_op fuzz_map_ops[];
extern const struct fuzz_op fuzz_file_ops[];
extern const struct fuzz_op fuzz_memory_ops[];
extern const struct fuzz_op fuzz_movable_ops[];
extern const struct fuzz_op fuzz_iommufd_ops[];
extern const struct fuzz_op fuzz_dma_ops[];
extern const struct fuzz_op fuzz_kvm_ops[];
extern const struct fuzz_op fuzz_rdma_ops[];
extern const struct fuzz_op fuzz_type1_ops[];

/* All of them */
const struct fuzz_table *fuzz_ops(void);

#endif /* FUZZ_OPS_H */

/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_NVME_KINDS_H
#define DEVICES_NVME_KINDS_H

#include <stdint.h>

/* What nvme.c and nvme_kinds.c have in common */

/* Of a queue */
#define NVME_ENTRIES 32u

/* The first doorbell, in BAR0 */
#define NVME_DOORBELLS 0x1000u

/** nvme_timeout_ms - how long CAP says that starting and stopping may take */
uint64_t nvme_timeout_ms(uint64_t cap, uint64_t least);

#endif /* DEVICES_NVME_KINDS_H */

/* SPDX-License-Identifier: MIT */
#ifndef LIB_NVME_H
#define LIB_NVME_H

#include "devices/nvme.h"

/* These do what devices/nvme.h says, and fail the test if that does */

/** nvme_open - __nvme_open() of $DMABUF_NVME */
void nvme_open(struct nvme *nvme, int iommufd);

void nvme_map_queues(struct nvme *nvme, uint32_t ioas);
void nvme_attach(struct nvme *nvme, uint32_t ioas);
void nvme_read(struct nvme *nvme, uint64_t disk, uint64_t iova, uint64_t len);
void nvme_write(struct nvme *nvme, uint64_t disk, uint64_t iova, uint64_t len);

#endif /* LIB_NVME_H */

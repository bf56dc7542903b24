/* SPDX-License-Identifier: MIT */
#ifndef LIB_IOMMUFD_H
#define LIB_IOMMUFD_H

#include "devices/iommufd.h"

/* These do what devices/iommufd.h says, and fail the test if that does */

int iommufd_open(void);
void iommufd_destroy(int iommufd, uint32_t id);
uint32_t ioas_alloc(int iommufd);
void ioas_map_file(int iommufd, uint32_t ioas, int fd, uint64_t start,
		   uint64_t length, uint64_t iova);
void ioas_map(int iommufd, uint32_t ioas, void *va, uint64_t length,
	      uint64_t iova);
void ioas_unmap(int iommufd, uint32_t ioas, uint64_t iova, uint64_t length);

#endif /* LIB_IOMMUFD_H */

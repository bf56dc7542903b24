/* SPDX-License-Identifier: MIT */
#ifndef LIB_EDU_H
#define LIB_EDU_H

#include "devices/edu.h"

/* These do what devices/edu.h says, and fail the test if that does */

/** edu_open - __edu_open() of $DMABUF_EDU */
void edu_open(struct edu *edu, int iommufd);

void edu_start(struct edu *edu);
void edu_map_bounce(struct edu *edu, uint32_t ioas);
void edu_attach(struct edu *edu, uint32_t ioas);
void edu_load(struct edu *edu, const void *data, size_t len);
void edu_store(struct edu *edu, uint64_t iova, size_t len);
void edu_write(struct edu *edu, uint64_t iova, const void *data, size_t len);
void edu_read(struct edu *edu, uint64_t iova, void *data, size_t len);

#endif /* LIB_EDU_H */

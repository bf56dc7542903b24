/* SPDX-License-Identifier: MIT */
#ifndef LIB_SCENE_H
#define LIB_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#include "edu.h"
#include "iommufd.h"
#include "nvme.h"
#include "ranges.h"
#include "vfio.h"

/* Where tests map dma-bufs: aligned for the largest I/O page */
#define BASE GiB(4)

/* The BAR of ivshmem that is memory */
#define SHM_BAR 2

/**
 * struct scene - one exporter, two devices that reach for it, one address space
 * @iommufd: from iommufd_open()
 * @ioas: that @edu and @nvme are attached to
 * @shm: ivshmem, whose BAR 2 is 1 GiB of memory
 * @bar: CPU mapping of that BAR
 * @edu: for single accesses; 100 ms each
 * @nvme: for bulk data
 */
struct scene {
	int iommufd;
	uint32_t ioas;
	struct vfio_device shm;
	uint8_t *bar;
	struct edu edu;
	struct nvme nvme;
};

/** scene_open - open everything, attached to a new IOAS, or fail the test */
void scene_open(struct scene *scene);

/** scene_close - close everything; harmless if closed already */
void scene_close(struct scene *scene);

/**
 * scene_reset_ioas - start over with an empty IOAS
 * @scene: the scene
 *
 * Subtests begin with this, so that what a failed one left does not matter.
 */
void scene_reset_ioas(struct scene *scene);

/**
 * scene_store - edu writes a few fresh bytes to an IOVA
 * @scene: the scene
 * @iova: where to
 * @expect: where the CPU must then see them, NULL if they must not arrive
 *	anywhere: from then on the IOMMU may log faults of edu
 *
 * Return: the word that was written.
 */
uint64_t scene_store(struct scene *scene, uint64_t iova, const void *expect);

/**
 * scene_load - edu reads 8 bytes at an IOVA
 * @scene: the scene
 * @iova: where from
 *
 * Return: the word.
 */
uint64_t scene_load(struct scene *scene, uint64_t iova);

/**
 * trace_revokes - count revokes the framework has traced since the last call
 *
 * A reset revokes and restores within one call; this tells that it did.
 *
 * Return: how many. Fails the test if there is no such trace event.
 */
int trace_revokes(void);

/** trace_clear - forget what has been traced, or fail the test */
void trace_clear(void);

#endif /* LIB_SCENE_H */

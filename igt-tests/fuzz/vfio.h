/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_VFIO_H
#define FUZZ_VFIO_H

#include <stdbool.h>

/** fuzz_vfio_is_beside - whether a thread takes access away and gives it back now */
bool fuzz_vfio_is_beside(void);

#endif /* FUZZ_VFIO_H */

/* SPDX-License-Identifier: MIT */
#ifndef SOAK_BAR_H
#define SOAK_BAR_H

#include "devices/vfio.h"
#include "soak.h"

/* What the threads of the exporter share: the device, which is closed while it is away */

/** bar_get - use the device beside others; its fd is -1 while it is away */
struct vfio_device *bar_get(void);

/** bar_get_alone - the same with nobody beside */
struct vfio_device *bar_get_alone(void);
void bar_put(void);

/** bar_open - open the device, with the words in its BAR; Return: 0 or -errno */
int bar_open(void);

#endif /* SOAK_BAR_H */

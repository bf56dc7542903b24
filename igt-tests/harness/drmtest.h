/* SPDX-License-Identifier: MIT */
#ifndef DRMTEST_H
#define DRMTEST_H

#define DRIVER_VGEM (1 << 2)

/**
 * drm_open_driver - open a DRM device, loading its driver if it is a module
 * @chipset: DRIVER_VGEM; there is no other here
 *
 * Return: descriptor of its primary node. Skips if there is none.
 */
int drm_open_driver(int chipset);

#endif /* DRMTEST_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BIND_RULE_H
#define BIND_RULE_H

#include <stdbool.h>

/* Below the folder that stands for / */
#define BIND_RULES "/etc/udev/rules.d"

/*
 * A rule of udev that binds a device to vfio-pci whenever it appears, at boot above all
 */

/**
 * bind_rule_write - make or replace the rule of a device
 * @root: folder that stands for /, "" but for tests
 * @addr: PCI address
 *
 * It is about this device in this slot: another one there stays as it is.
 *
 * Return: 0 or -errno; -ENOENT without udev.
 */
int bind_rule_write(const char *root, const char *addr);

/** bind_rule_remove - Return: 0, also if there is none to be removed, or -errno */
int bind_rule_remove(const char *root, const char *addr);

/** bind_rule_exists - whether a device has a rule */
bool bind_rule_exists(const char *root, const char *addr);

/** bind_rule_path - where it is, to be freed */
char *bind_rule_path(const char *root, const char *addr);

/** bind_rule_each - call @fn with the address of each device that has a rule, and @arg */
void bind_rule_each(const char *root, void (*fn)(const char *addr, void *arg),
		    void *arg);

#endif /* BIND_RULE_H */

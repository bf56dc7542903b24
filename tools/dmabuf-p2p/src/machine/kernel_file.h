/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KERNEL_FILE_H
#define KERNEL_FILE_H

#include <stdio.h>

/**
 * enum kernel_place - where a kernel's package puts a file
 * @KERNEL_BOOT: /boot/NAME-RELEASE
 * @KERNEL_MODULES: /lib/modules/RELEASE/NAME
 * @KERNEL_PLACES: number of places
 */
enum kernel_place {
	KERNEL_BOOT,
	KERNEL_MODULES,
	KERNEL_PLACES,
};

/**
 * kernel_file_open - open what comes with a kernel
 * @root: folder that stands for /, "" for this machine
 * @name: "vmlinuz" or "config"
 * @fault: receives "/boot/config-7.3.4 is a FIFO", to be freed; see regular_open()
 *
 * Return: the file, or NULL.
 */
FILE *kernel_file_open(const char *root, const char *release, const char *name,
		       enum kernel_place place, char **fault);

/**
 * struct kernel_config - what a kernel was built with
 * @text: the file, each line after a newline; NULL if it is not known
 * @fault: what is wrong with the file; NULL if nothing is, or there is none
 */
struct kernel_config {
	char *text;
	char *fault;
};

void kernel_config_read(struct kernel_config *config, const char *root,
			const char *release);
void kernel_config_free(struct kernel_config *config);

/**
 * kernel_config_value - how an option is set
 * @config: known
 * @name: without CONFIG_
 *
 * Return: the first character of its value; 'n' if it is not set.
 */
char kernel_config_value(const struct kernel_config *config, const char *name);

#endif /* KERNEL_FILE_H */

// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "kernel_file.h"
#include "regular_file.h"
#include "text.h"

FILE *kernel_file_open(const char *root, const char *release, const char *name,
		       enum kernel_place place, char **fault)
{
	char *path = place == KERNEL_BOOT ?
			     text_format("/boot/%s-%s", name, release) :
			     text_format("/lib/modules/%s/%s", release, name);
	char *full = text_format("%s%s", root, path), *why;
	FILE *file = regular_open(full, &why);

	*fault = why ? text_format("%s %s", path, why) : NULL;
	free(why);
	free(full);
	free(path);
	return file;
}

/* Return: all of @file, after a newline, to be freed */
static char *read_lines(FILE *file)
{
	char *text = NULL;
	size_t size = 0;

	if (getdelim(&text, &size, 0, file) < 0) {
		free(text);
		return text_format("\n");
	}
	return text_join(text_format("\n"), "", text);
}

void kernel_config_read(struct kernel_config *config, const char *root,
			const char *release)
{
	enum kernel_place place;
	char *fault;
	FILE *file;

	*config = (struct kernel_config) { 0 };
	for (place = 0; place < KERNEL_PLACES && !config->text; place++) {
		file = kernel_file_open(root, release, "config", place, &fault);
		if (file) {
			config->text = read_lines(file);
			fclose(file);
		}
		if (!config->fault)
			config->fault = fault;
		else
			free(fault);
	}
}

void kernel_config_free(struct kernel_config *config)
{
	free(config->text);
	free(config->fault);
}

/* "CONFIG_VFIO=m"; of what is not set there is a comment, or nothing */
char kernel_config_value(const struct kernel_config *config, const char *name)
{
	char *key = text_format("\nCONFIG_%s=", name);
	const char *found = strstr(config->text, key);
	char value = found ? found[strlen(key)] : 'n';

	free(key);
	return value;
}

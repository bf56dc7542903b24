// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "kernel_file.h"
#include "regular_file.h"
#include "text.h"

static char *path_of(const char *release, const char *name,
		     enum kernel_place place)
{
	return place == KERNEL_BOOT ?
		       text_format("/boot/%s-%s", name, release) :
		       text_format("/lib/modules/%s/%s", release, name);
}

FILE *kernel_file_open(const char *root, const char *release, const char *name,
		       enum kernel_place place, char **fault)
{
	char *path = path_of(release, name, place), *why;
	char *full = text_format("%s%s", root, path);
	FILE *file = regular_open(full, &why);

	*fault = why ? text_format("%s %s", path, why) : NULL;
	free(why);
	free(full);
	free(path);
	return file;
}

/* After a crash a file may have lost its end, or all that was in it */
static const char *what_is_lost(const char *text)
{
	if (!text[1])
		return "is empty";
	if (!strstr(text, "\nCONFIG_"))
		return "sets no option";
	return text[strlen(text) - 1] == '\n' ? NULL : "is cut off";
}

/* Return: what is wrong, to be freed; NULL if @config has it now */
static char *take_config(struct kernel_config *config, FILE *file, char *path)
{
	char *text = NULL, *fault = NULL;
	const char *lost;
	size_t size = 0;
	ssize_t len;

	len = getdelim(&text, &size, 0, file);
	config->text = text_format("\n%s", len > 0 ? text : "");
	lost = what_is_lost(config->text);
	if (lost) {
		fault = text_format("%s %s", path, lost);
		free(config->text);
		config->text = NULL;
	}
	free(path);
	free(text);
	return fault;
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
			fault = take_config(config, file,
					    path_of(release, "config", place));
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

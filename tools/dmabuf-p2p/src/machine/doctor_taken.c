// SPDX-License-Identifier: GPL-2.0
/*
 * doctor: devices that an export, copy or bench has left, killed or unable to put them back
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "sysfs_file.h"
#include "taken.h"
#include "text.h"

/* Return: whether it has by now what it had before, or is gone */
static bool is_back(const char *root, const struct taken *taken)
{
	char driver[64], override[64];

	if (sysfs_access(0, root, "/sys/bus/pci/devices/%s", taken->addr))
		return true;
	sysfs_link(driver, sizeof(driver), root,
		   "/sys/bus/pci/devices/%s/driver", taken->addr);
	sysfs_text(override, sizeof(override), root,
		   "/sys/bus/pci/devices/%s/driver_override", taken->addr);
	if (!strcmp(override, "(null)"))
		override[0] = 0;
	return !strcmp(driver, taken->driver) &&
	       !strcmp(override, taken->override);
}

void doctor_taken(struct doctor *doctor)
{
	const char *root = doctor->model.root;
	struct taken *list;
	ssize_t nr, i;

	list = taken_list(root, &nr);
	if (nr == -EPERM)
		doctor_add(doctor, MARK_WARN, "left-behind",
			   text_format("others than root may write to " TAKEN_FOLDER ": what is noted there is not believed"),
			   text_format("Look who made it, and remove it."));
	for (i = 0; i < nr; i++) {
		if (list[i].alive || is_back(root, &list[i]))
			continue;
		doctor_add(doctor, MARK_WARN, "left-behind",
			   text_format("%s was not given back to %s%s when process %d of this program ended",
				       list[i].addr,
				       list[i].driver[0] ? "its driver " : "no driver",
				       list[i].driver, list[i].pid),
			   text_format("dmabuf-p2p release %s.", list[i].addr));
	}
	free(list);
}

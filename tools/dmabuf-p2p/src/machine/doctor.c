// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "doctor.h"
#include "message.h"
#include "verb.h"

void doctor_add(struct doctor *doctor, enum mark mark, const char *topic,
		char *text, char *remedy)
{
	struct finding *finding;

	doctor->findings = reallocarray(doctor->findings,
					doctor->nr_findings + 1,
					sizeof(*doctor->findings));
	if (!doctor->findings) {
		complain(NULL, NULL, "out of memory");
		exit(EXIT_FAILED);
	}
	finding = &doctor->findings[doctor->nr_findings++];
	*finding = (struct finding) { mark, topic, text, remedy };
}

/* respond_chaos.h: class CHAOS: who this server is, as far as the operator tells (RFC 4892). */
#ifndef TXTD_DATAPLANE_RESPOND_CHAOS_H
#define TXTD_DATAPLANE_RESPOND_CHAOS_H

#include "dataplane/dns/answer.h"
#include "dataplane/respond.h"

/* Answers TXT id.server, hostname.bind and version.bind as configured; leaves REFUSED for everything else. */
void chaos_answer(struct answer *answer, const struct respond_settings *settings);

#endif

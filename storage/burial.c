#include "storage/burial.h"

void delegate_clear(struct delegate_state *delegate)
{
    delegate->deleted = false;
    delegate->disabled = false;
    delegate->values_count = 0;
    delegate->expires_at_s = 0;
    delegate->persistent_count = 0;
    delegate->persistent_len = 0;
}

void account_clear(struct store_account *account)
{
    account->deleted = false;
    account->keys_count = 0;
    account->allowfrom_count = 0;
    account->slots = 0;
    account->value_expiry_s = 0;
    account->last_key_id = 0;
    account->note_len = 0;
}

void delegate_bury(struct delegate_state *delegate)
{
    delegate_clear(delegate);
    delegate->deleted = true;
}

void account_bury(struct store_account *account)
{
    account_clear(account);
    account->deleted = true;
}

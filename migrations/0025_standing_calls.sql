-- `stands`: a repeat of this call is this call. One per digest at most, which is what keeps two that come at once from being two calls; the latest of those before.
alter table service_calls add column stands boolean not null default false;
update service_calls set stands = true where id in (select distinct on (digest) id from service_calls order by digest, at desc, id desc);
create unique index service_calls_standing on service_calls (digest) where stands;
drop index service_calls_digest;

-- Customers by the minutes that they talked in the daytime ("total day minutes"). A bin holds those from its first
-- number up to, but without, its second one; percent is the share of its customers who left (churn).
-- The longest bar has :longest signs.
-- :bin_width numeric = 25              -- minutes in a bin, more than 0
-- :longest integer = 50                -- signs of the longest bar
with bins as (
  select floor("total day minutes" / :bin_width) as bin,
         count(*) as customers,
         count(*) filter (where lower(btrim(churn::text)) like 't%') as has_left
    from public.telecom
   where "total day minutes" is not null
   group by 1
),
-- Bins without a customer are shown too.
every as (
  select generate_series(min(bin), max(bin)) as bin from bins
)
select every.bin * :bin_width as "from",
       (every.bin + 1) * :bin_width as "to",
       coalesce(customers, 0) as customers,
       round(100.0 * has_left / customers, 1) as "left percent",
       repeat('█', round(1.0 * :longest * coalesce(customers, 0) / max(customers) over ())::integer) as bar
  from every
  left join bins on bins.bin = every.bin
 order by every.bin

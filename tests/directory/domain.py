"""Makes an Active Directory (Samba) with people in it: ROOT KEY CERTIFICATE AUTHORITY ADDRESS.

Of its services only LDAP will run. People are in OU=Ansatte; anna is in Raad, which is in Rejsende."""

import logging
import sys

import samba.dsdb
import samba.provision
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

root, key, certificate, authority, address = sys.argv[1:]
PERSON = "en lang Adgangskode 42"
# Rights on shared files need a file system that keeps them, and nobody asks for files here.
samba.provision.setsysvolacl = lambda *_, **__: None
settings = LoadParm()
for name, value in {
    "server services": "ldap",
    "log file": f"{root}/log",
    "pid directory": root,
    "ncalrpc dir": f"{root}/ncalrpc",
    "tls keyfile": key,
    "tls certfile": certificate,
    "tls cafile": authority,
}.items():
    settings.set(name, value)
samba.provision.provision(
    logging.getLogger(),
    system_session(),
    targetdir=root,
    realm="EXAMPLE.DK",
    domain="BALLERUP",
    serverrole="active directory domain controller",
    dns_backend="NONE",
    adminpass="Forvalterens-kode-7",
    hostname="dc1",
    hostip=address,
    dom_for_fun_level=samba.dsdb.DS_DOMAIN_FUNCTION_2008_R2,
    lp=settings,
)
made = LoadParm()
made.load(f"{root}/etc/smb.conf")
directory = SamDB(lp=made, session_info=system_session())
for unit in ["Ansatte", "Service", "Grupper"]:
    directory.add({"dn": f"OU={unit},DC=example,DC=dk", "objectClass": "organizationalUnit"})
directory.newuser("geovagt", "tjenestens Kode 7", userou="OU=Service", useusernameascn=True)
for person in ["anna", "bo"]:
    directory.newuser(person, PERSON, userou="OU=Ansatte", useusernameascn=True)
for group in ["Rejsende", "Raad"]:
    directory.newgroup(group, groupou="OU=Grupper")
directory.add_remove_group_members("Raad", ["anna"])
directory.add_remove_group_members("Rejsende", ["Raad"])

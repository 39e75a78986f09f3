import { defineFields, type FieldOptions, type FieldType } from './fields.ts';

/** The fields of DHCP's options that are one value or a list of one kind. */
export type OptionKind =
  | 'address'
  | 'addresses'
  | 'pairs'
  | 'number32'
  | 'signed32'
  | 'number16'
  | 'numbers16'
  | 'number8'
  | 'numbers8'
  | 'boolean'
  | 'text'
  | 'bytes'
  | 'uuid';

export type OptionField = readonly [id: number, kind: OptionKind];

const many = { list: true } as const;
/** The fields of the other options. */
export const D = defineFields('dhcp', {
  'client_id.type': ['Type', 'uint8', many],
  'client_id.undef': ['Client Identifier', 'string', many],
  'client_id.iaid': ['IAID', 'string', many],
  'client_id.duid_type': ['DUID Type', 'uint16', many],
  'client_id.duid_llt_hw_type': ['Hardware type', 'uint16', many],
  'client_id.duid_ll_hw_type': ['Hardware type', 'uint16', many],
  'client_id.time': ['Time', 'uint32', many],
  'client_id.link_layer_address': ['Link layer address', 'string', many],
  'option.user_class': ['Instance of User Class', 'uint8', many],
  'option.user_class.length': ['User Class Length', 'uint8', many],
  'option.user_class.data': ['User Class Data', 'bytes', many],
  'option.user_class.text': ['User Class Data (Text)', 'string', many],
  'fqdn.flags': ['Flags', 'uint8', { base: 'hex', list: true }],
  'fqdn.mbz': ['Reserved flags', 'uint8', { base: 'hex', list: true }],
  'fqdn.n': ['Server DDNS', 'bool', many],
  'fqdn.e': ['Encoding', 'bool', many],
  'fqdn.o': ['Server overrides', 'bool', many],
  'fqdn.s': ['Server', 'bool', many],
  'fqdn.rcode1': ['A-RR result', 'uint8', many],
  'fqdn.rcode2': ['PTR-RR result', 'uint8', many],
  'fqdn.name': ['Client name', 'string', many],
  'option.agent_information_option.suboption': ['Option 82 Suboption', 'uint8', many],
  'option.suboption_length': ['Length', 'uint8', many],
  'option.agent_information_option.value': ['Value', 'bytes', many],
  'option.agent_information_option.agent_circuit_id': ['Agent Circuit ID', 'bytes', many],
  'option.agent_information_option.agent_remote_id': ['Agent Remote ID', 'bytes', many],
  'option.agent_information_option.link_selection': ['Link selection', 'ipv4', many],
  'option.agent_information_option.subscriber_id': ['Subscriber ID', 'string', many],
  'option.agent_information_option.server_id_override': ['Server ID Override', 'ipv4', many],
  'option.dhcp_dns_domain_search_list_fqdn': ['FQDN', 'string', many],
  'option.classless_static_route': ['Classless Static Route', 'bytes', many],
  client_network_id_major: ['Client Network ID Major Version', 'uint8', many],
  client_network_id_minor: ['Client Network ID Minor Version', 'uint8', many],
  'option.vi_class.enterprise': ['Enterprise', 'uint32', many],
  'option.vi_class.length': ['Length', 'uint8', many],
  'option.vi_class.data': ['V-I Vendor Class', 'string', many],
});

const TYPES: Readonly<Record<OptionKind, FieldType>> = {
  address: 'ipv4',
  addresses: 'ipv4',
  pairs: 'ipv4',
  number32: 'uint32',
  signed32: 'int32',
  number16: 'uint16',
  numbers16: 'uint16',
  number8: 'uint8',
  numbers8: 'uint8',
  boolean: 'bool',
  text: 'string',
  bytes: 'bytes',
  uuid: 'string',
};

/** Code, name of the field behind `dhcp.` (of both fields for pairs), kind, title. */
const SIMPLE: readonly (readonly [code: number, name: string, kind: OptionKind, title: string])[] = [
  [1, 'option.subnet_mask', 'address', 'Subnet Mask'],
  [2, 'option.time_offset', 'signed32', 'Time Offset'],
  [3, 'option.router', 'addresses', 'Router'],
  [4, 'option.time_server', 'addresses', 'Time Server'],
  [5, 'option.name_server', 'addresses', 'Name Server'],
  [6, 'option.domain_name_server', 'addresses', 'Domain Name Server'],
  [7, 'option.log_server', 'addresses', 'Log Server'],
  [8, 'option.quotes_server', 'addresses', 'Quotes Server'],
  [9, 'option.lpr_server', 'addresses', 'LPR Server'],
  [10, 'option.impress_server', 'addresses', 'Impress Server'],
  [11, 'option.resource_location_server', 'addresses', 'Resource Location Server'],
  [12, 'option.hostname', 'text', 'Host Name'],
  [13, 'option.boot_file_size', 'number16', 'Boot File Size'],
  [14, 'option.merit_dump_file', 'text', 'Merit Dump File'],
  [15, 'option.domain_name', 'text', 'Domain Name'],
  [16, 'option.swap_server', 'address', 'Swap Server'],
  [17, 'option.root_path', 'text', 'Root Path'],
  [18, 'option.extension_path', 'text', 'Extension Path'],
  [19, 'option.ip_forwarding', 'boolean', 'IP Forwarding'],
  [20, 'option.non_local_source_routing', 'boolean', 'Non-Local Source Routing'],
  [21, 'option.policy_filter.ip option.policy_filter.subnet_mask', 'pairs', 'Policy Filter'],
  [22, 'option.max_datagram_reassembly_size', 'number16', 'Maximum Datagram Reassembly Size'],
  [23, 'option.default_ip_ttl', 'number8', 'Default IP Time-to-live'],
  [24, 'option.path_mtu_aging_timeout', 'number32', 'Path MTU Aging Timeout'],
  [25, 'option.path_mtu_plateau_table_item', 'numbers16', 'Path MTU Plateau Table Item'],
  [26, 'option.interface_mtu', 'number16', 'Interface MTU'],
  [27, 'option.all_subnets_are_local', 'boolean', 'All Subnets are Local'],
  [28, 'option.broadcast_address', 'address', 'Broadcast Address'],
  [29, 'option.perform_mask_discovery', 'boolean', 'Perform Mask Discovery'],
  [30, 'option.mask_supplier', 'boolean', 'Mask Supplier'],
  [31, 'option.perform_router_discover', 'boolean', 'Perform Router Discover'],
  [32, 'option.router_solicitation_address', 'address', 'Router Solicitation Address'],
  [33, 'option.static_route.ip option.static_route.router', 'pairs', 'Static Route'],
  [34, 'option.trailer_encapsulation', 'boolean', 'Trailer Encapsulation'],
  [35, 'option.arp_cache_timeout', 'number32', 'ARP Cache Timeout'],
  [36, 'option.ethernet_encapsulation', 'boolean', 'Ethernet Encapsulation'],
  [37, 'option.tcp_default_ttl', 'number8', 'TCP Default TTL'],
  [38, 'option.tcp_keepalive_interval', 'number32', 'TCP Keepalive Interval'],
  [39, 'option.tcp_keepalive_garbage', 'boolean', 'TCP Keepalive Garbage'],
  [40, 'option.nis_domain', 'text', 'Network Information Service Domain'],
  [41, 'option.nis_server', 'addresses', 'Network Information Service Server'],
  [42, 'option.ntp_server', 'addresses', 'Network Time Protocol Server'],
  [43, 'option.vendor.value', 'bytes', 'Value'],
  [44, 'option.netbios_over_tcpip_name_server', 'addresses', 'NetBIOS over TCP/IP Name Server'],
  [
    45,
    'option.netbios_over_tcpip_dd_name_server',
    'addresses',
    'NetBIOS over TCP/IP Datagram Distribution Name Server',
  ],
  [46, 'option.netbios_over_tcpip_node_type', 'number8', 'NetBIOS over TCP/IP Node Type'],
  [47, 'option.netbios_over_tcpip_scope', 'text', 'NetBIOS over TCP/IP Scope'],
  [48, 'option.xwindows_system_font_server', 'addresses', 'X Window System Font Server'],
  [49, 'option.xwindows_system_display_manager', 'addresses', 'X Window System Display Manager'],
  [50, 'option.requested_ip_address', 'address', 'Requested IP Address'],
  [51, 'option.ip_address_lease_time', 'number32', 'IP Address Lease Time'],
  [52, 'option.option_overload', 'number8', 'Option Overload'],
  [54, 'option.dhcp_server_id', 'address', 'DHCP Server Identifier'],
  [55, 'option.request_list_item', 'numbers8', 'Parameter Request List Item'],
  [56, 'option.message', 'text', 'Message'],
  [57, 'option.dhcp_max_message_size', 'number16', 'Maximum DHCP Message Size'],
  [58, 'option.renewal_time_value', 'number32', 'Renewal Time Value'],
  [59, 'option.rebinding_time_value', 'number32', 'Rebinding Time Value'],
  [60, 'option.vendor_class_id', 'text', 'Vendor class identifier'],
  [64, 'option.nis_plus_domain', 'text', 'Network Information Service+ Domain'],
  [65, 'option.nis_plus_server', 'addresses', 'Network Information Service+ Server'],
  [66, 'option.tftp_server_name', 'text', 'TFTP Server Name'],
  [67, 'option.bootfile_name', 'text', 'Bootfile name'],
  [68, 'option.mobile_ip_home_agent', 'addresses', 'Mobile IP Home Agent'],
  [69, 'option.smtp_server', 'addresses', 'SMTP Server'],
  [70, 'option.pop3_server', 'addresses', 'POP3 Server'],
  [71, 'option.nntp_server', 'addresses', 'NNTP Server'],
  [72, 'option.default_www_server', 'addresses', 'Default WWW Server'],
  [73, 'option.default_finger_server', 'addresses', 'Default Finger Server'],
  [74, 'option.default_irc_server', 'addresses', 'Default IRC Server'],
  [75, 'option.streettalk_server', 'addresses', 'StreetTalk Server'],
  [76, 'option.streettalk_da_server', 'addresses', 'StreetTalk Directory Assistance Server'],
  [91, 'option.client_last_transaction_time', 'number32', 'Client last transaction time'],
  [92, 'option.associated_ip_option', 'addresses', 'Associated IP option'],
  [93, 'option.client_system_architecture', 'numbers16', 'Client System Architecture'],
  [97, 'client_id.uuid', 'uuid', 'Client Identifier (UUID)'],
  [100, 'option.tz_pcode', 'text', 'Timezone PCode'],
  [101, 'option.tz_tcode', 'text', 'Timezone TCode'],
  [112, 'option.netinfo_parent_server_address', 'addresses', 'NetInfo Parent Server Address'],
  [113, 'option.netinfo_parent_server_tag', 'text', 'NetInfo Parent Server Tag'],
  [114, 'option.captive_portal', 'text', 'Captive Portal'],
  [116, 'option.dhcp_auto_configuration', 'number8', 'DHCP Auto-Configuration'],
  [118, 'option.subnet_selection_option', 'addresses', 'Subnet Selection Option'],
  [138, 'option.capwap_access_controller', 'addresses', 'CAPWAP Access Controller'],
  [150, 'option.tftp_server_address', 'addresses', 'TFTP Server Address'],
  [161, 'option.mudurl', 'text', 'MUDURL'],
  [209, 'option.pxe_config_file', 'text', 'PXELINUX config file'],
  [210, 'option.pxe_path_prefix', 'text', 'PXELINUX path prefix'],
  [252, 'option.private_proxy_autodiscovery', 'text', 'Private/Proxy autodiscovery'],
];

/** By the option's code. For pairs it is the first field's id; the second's is the next. */
export const OPTION_FIELDS: ReadonlyMap<number, OptionField> = (() => {
  const definitions: Record<string, readonly [string, FieldType, FieldOptions]> = {};
  for (const [, names, kind, title] of SIMPLE)
    for (const name of names.split(' ')) definitions[name] = [title, TYPES[kind], many];
  const ids = defineFields('dhcp', definitions);
  return new Map(SIMPLE.map(([code, names, kind]) => [code, [ids[names.split(' ')[0]!]!, kind] as const]));
})();

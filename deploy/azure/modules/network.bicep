// A virtual network, with egress through one NAT address to Azure's own services alone.
param prefix string
param location string
param tags object
@description('Public addresses, or ranges of them, from which people ask for the page; empty: nobody does.')
param pageAddresses array

var apps = '10.20.0.0/23'
// Beside these, only the network itself may be reached: tags of Azure's own services.
var reachable = ['AzureActiveDirectory', 'AzureMonitor', 'AzureResourceManager', 'AzureContainerRegistry', 'MicrosoftContainerRegistry', 'AzureFrontDoor.FirstParty', 'Storage']
var allowances = map(range(0, length(reachable)), i => {
  name: 'to-${replace(reachable[i], '.', '-')}'
  properties: {
    priority: 200 + i
    direction: 'Outbound'
    access: 'Allow'
    protocol: 'Tcp'
    sourceAddressPrefix: 'VirtualNetwork'
    sourcePortRange: '*'
    destinationAddressPrefix: reachable[i]
    destinationPortRange: '443'
  }
})
var others = [
  {
    name: 'to-own-network'
    properties: {
      priority: 100
      direction: 'Outbound'
      access: 'Allow'
      protocol: '*'
      sourceAddressPrefix: 'VirtualNetwork'
      sourcePortRange: '*'
      destinationAddressPrefix: 'VirtualNetwork'
      destinationPortRange: '*'
    }
  }
  {
    name: 'to-nowhere-else'
    properties: {
      priority: 4000
      direction: 'Outbound'
      access: 'Deny'
      protocol: '*'
      sourceAddressPrefix: '*'
      sourcePortRange: '*'
      destinationAddressPrefix: 'Internet'
      destinationPortRange: '*'
    }
  }
]

// Container Apps' own balancer hands what comes for 443 to 31443.
var callers = empty(pageAddresses) ? [] : [
  {
    name: 'people-to-page'
    properties: {
      priority: 100
      direction: 'Inbound'
      access: 'Allow'
      protocol: 'Tcp'
      sourceAddressPrefixes: pageAddresses
      sourcePortRange: '*'
      destinationAddressPrefix: apps
      destinationPortRanges: ['443', '31443']
    }
  }
]

resource rules 'Microsoft.Network/networkSecurityGroups@2025-09-01' = {
  name: prefix
  location: location
  tags: tags
  properties: { securityRules: concat(allowances, others, callers) }
}

resource address 'Microsoft.Network/publicIPAddresses@2025-09-01' = {
  name: '${prefix}-out'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

resource nat 'Microsoft.Network/natGateways@2025-09-01' = {
  name: prefix
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIpAddresses: [{ id: address.id }] }
}

resource network 'Microsoft.Network/virtualNetworks@2025-09-01' = {
  name: prefix
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.20.0.0/16'] }
    subnets: [
      {
        name: 'apps'
        properties: {
          addressPrefix: apps
          defaultOutboundAccess: false
          natGateway: { id: nat.id }
          networkSecurityGroup: { id: rules.id }
          delegations: [{ name: 'apps', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: 'nodes'
        properties: {
          addressPrefix: '10.20.2.0/24'
          defaultOutboundAccess: false
          natGateway: { id: nat.id }
          networkSecurityGroup: { id: rules.id }
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: '10.20.3.0/24'
          defaultOutboundAccess: false
          networkSecurityGroup: { id: rules.id }
        }
      }
    ]
  }
}

output appsSubnetId string = '${network.id}/subnets/apps'
output nodesSubnetId string = '${network.id}/subnets/nodes'
output id string = network.id
output endpointsSubnetId string = '${network.id}/subnets/endpoints'

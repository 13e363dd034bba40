// Private endpoints, and the DNS zones in which the network looks their names up.
param prefix string
param location string
param tags object
param networkId string
param subnetId string
@description('What gets a private endpoint: name, id, group, and the DNS zones that its names are looked up in.')
param endpoints array

var zoneNames = union(flatten(map(endpoints, each => each.zones)), [])

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for zone in zoneNames: {
  name: zone
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (zone, i) in zoneNames: {
  parent: zones[i]
  name: prefix
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: { id: networkId }
  }
}]

resource reached 'Microsoft.Network/privateEndpoints@2025-09-01' = [for each in endpoints: {
  name: '${prefix}-${each.name}'
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      {
        name: each.name
        properties: { privateLinkServiceId: each.id, groupIds: [each.group] }
      }
    ]
  }
}]

resource looked 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-09-01' = [for (each, i) in endpoints: {
  parent: reached[i]
  name: 'zone'
  dependsOn: [links]
  properties: {
    privateDnsZoneConfigs: [for zone in each.zones: {
      name: replace(zone, '.', '-')
      properties: { privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', zone) }
    }]
  }
}]
